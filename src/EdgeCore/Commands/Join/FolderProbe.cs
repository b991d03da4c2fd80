namespace EdgeSync.EdgeCore.Commands.Join;

/// <summary>
/// Makes a folder, with those above it, and writes a file in it, to see whether that works. Unless it is to be kept,
/// what was made is taken away again.
/// </summary>
internal sealed class FolderProbe : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly List<string> _made = []; // deepest first
    private bool _keep;

    public FolderProbe(string folder)
    {
        try
        {
            Make(folder);
            var file = Path.Combine(folder, $".probe-{Guid.NewGuid():N}");
            using (File.Create(file, 1, FileOptions.DeleteOnClose))
            {
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Keep() => _keep = true;

    public void Dispose()
    {
        if (_keep)
        {
            return;
        }

        foreach (var folder in _made)
        {
            // another program may have begun to use it
            if (Directory.Exists(folder) && !Directory.EnumerateFileSystemEntries(folder).Any())
            {
                Directory.Delete(folder);
            }
        }

        _made.Clear();
    }

    private void Make(string folder)
    {
        for (var missing = folder; missing is not null && !Directory.Exists(missing); missing = Path.GetDirectoryName(missing))
        {
            _made.Add(missing);
        }

        if (_made.Count > 1)
        {
            Directory.CreateDirectory(_made[1]);
        }

        Directory.CreateDirectory(folder, OwnerOnly);
    }
}
