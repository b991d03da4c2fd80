namespace EdgeSync.TestKit;

/// <summary>A file system of a few MiB that can be filled to its last block.</summary>
public sealed class SmallDisk : IAsyncDisposable
{
    private const int BlockBytes = 4096;

    private readonly TempFolder _folder = new();

    private SmallDisk()
    {
    }

    public string Path => _folder.Path;

    private string Filler => _folder.File("filler");

    public static async Task<SmallDisk> MountAsync(int mebibytes)
    {
        var disk = new SmallDisk();
        (await ProgramsCommand.RunAsync("mount", ["-t", "tmpfs", "-o", $"size={mebibytes}m", "edgesync-test", disk.Path])).Expect();
        return disk;
    }

    /// <summary>Takes all room that is left; done again, also what was freed meanwhile.</summary>
    public void Fill()
    {
        using var file = new FileStream(Filler, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[BlockBytes];
        try
        {
            while (true)
            {
                file.Write(block);
            }
        }
        catch (IOException)
        {
            // full: what was wanted
        }
    }

    public void Free() => File.Delete(Filler);

    public async ValueTask DisposeAsync()
    {
        await ProgramsCommand.RunAsync("umount", ["-l", Path]);
        _folder.Dispose();
    }
}
