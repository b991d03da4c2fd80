using Microsoft.Win32.SafeHandles;

namespace EdgeSync.Storage;

/// <summary>
/// Tells whether a file that is in use still has its name: SQLite goes on writing into one that was deleted, and all of
/// it is gone with the process. Keeps the file open (closing another descriptor would drop SQLite's locks on it).
/// </summary>
internal sealed class OpenFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly FileInfo _link;
    private readonly string? _name;

    public OpenFile(string path)
    {
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        _link = new FileInfo($"/proc/self/fd/{_handle.DangerousGetHandle()}");
        _name = _link.LinkTarget;
    }

    /// <summary>False once it was deleted or renamed; the kernel then shows another name for the descriptor.</summary>
    public bool IsInPlace
    {
        get
        {
            _link.Refresh();
            return _link.LinkTarget == _name;
        }
    }

    public void Dispose() => _handle.Dispose();
}
