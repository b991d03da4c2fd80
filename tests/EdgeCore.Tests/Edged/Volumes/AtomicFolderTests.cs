using System.Text;
using EdgeSync.EdgeCore.Edged.Volumes;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Edged.Volumes;

public sealed class AtomicFolderTests : IDisposable
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    private readonly TempFolder _folder = new();

    [Fact]
    public void Files_are_seen_through_links_that_are_swapped_in_one_step()
    {
        Assert.True(Write(("a.conf", "1"), ("sub/b.conf", "2")));
        var first = new DirectoryInfo(_folder.File("..data")).LinkTarget;

        Assert.Equal("1", File.ReadAllText(_folder.File("a.conf")));
        Assert.Equal("2", File.ReadAllText(_folder.File("sub/b.conf")));
        Assert.Equal("..data/a.conf", new FileInfo(_folder.File("a.conf")).LinkTarget);
        Assert.Equal("..data/sub", new DirectoryInfo(_folder.File("sub")).LinkTarget);
        Assert.Equal(Mode, File.GetUnixFileMode(_folder.File("a.conf")));

        Assert.True(Write(("a.conf", "3")));
        Assert.Equal("3", File.ReadAllText(_folder.File("a.conf")));
        Assert.False(Path.Exists(_folder.File("sub")));
        Assert.False(Directory.Exists(_folder.File(first!)));
    }

    [Fact]
    public void The_same_files_are_not_written_again()
    {
        Write(("a.conf", "1"));
        var before = new DirectoryInfo(_folder.File("..data")).LinkTarget;

        Assert.False(Write(("a.conf", "1")));
        Assert.Equal(before, new DirectoryInfo(_folder.File("..data")).LinkTarget);
    }

    [Fact]
    public void What_a_power_cut_left_half_done_is_no_hindrance()
    {
        Write(("a.conf", "1"));
        File.CreateSymbolicLink(_folder.File("..data_tmp"), "..nowhere");

        Assert.True(Write(("a.conf", "2")));
        Assert.Equal("2", File.ReadAllText(_folder.File("a.conf")));
    }

    public void Dispose() => _folder.Dispose();

    private bool Write(params (string Path, string Text)[] files) => AtomicFolder.Write(
        _folder.Path, files.ToDictionary(f => f.Path, f => new VolumeFile(Encoding.UTF8.GetBytes(f.Text), Mode)), null, DateTimeOffset.UnixEpoch);
}
