using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>What .NET has no call for: mount(2), umount2(2), lchown(2), statx(2), and rename(2) of links.</summary>
internal static partial class NativeFiles
{
    private const int DetachLazily = 2; // MNT_DETACH
    private const int NotMounted = 22; // EINVAL
    private const int NoSuchPath = 2; // ENOENT

    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint TypeOnly = 1; // STATX_TYPE
    private const int ModeOffset = 28; // stx_mode

    // MS_NOSUID | MS_NODEV
    private const ulong TmpfsFlags = 2 | 4;

    /// <summary>Whether something is mounted at exactly this path.</summary>
    public static bool IsMounted(string path) => MountsUnder(path).Contains(path);

    /// <summary>What is mounted at or below a path, deepest first.</summary>
    public static IReadOnlyList<string> MountsUnder(string path) =>
    [
        .. File.ReadLines("/proc/self/mountinfo")
            .Select(line => Unescape(line.Split(' ')[4]))
            .Where(m => m == path || m.StartsWith(path + "/", StringComparison.Ordinal))
            .Reverse(),
    ];

    /// <summary>Mounts a file system in memory.</summary>
    /// <param name="path">An existing folder.</param>
    /// <param name="limit">Bytes; null for the kernel's default, half of the memory.</param>
    /// <param name="mode">Of its root folder, octal.</param>
    public static void MountTmpfs(string path, long? limit, string mode)
    {
        var options = "mode=" + mode + (limit is { } size ? ",size=" + size.ToString(CultureInfo.InvariantCulture) : "");
        if (Mount("tmpfs", path, "tmpfs", TmpfsFlags, options) != 0)
        {
            throw new IOException($"cannot mount a tmpfs at {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Unmounts lazily: a process that still has a file open there is no hindrance.</summary>
    public static void Unmount(string path)
    {
        if (Unmount2(path, DetachLazily) != 0 && Marshal.GetLastPInvokeError() is not (NotMounted or NoSuchPath) and var error)
        {
            throw new IOException($"cannot unmount {path}: {new Win32Exception(error).Message}");
        }
    }

    /// <summary>Gives a path to a group; its owner stays.</summary>
    public static void ChangeGroup(string path, uint group)
    {
        if (LChown(path, uint.MaxValue, group) != 0)
        {
            throw new IOException($"cannot give {path} to group {group}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Gives a path to a user; its group stays.</summary>
    public static void ChangeOwner(string path, uint owner)
    {
        if (LChown(path, owner, uint.MaxValue) != 0)
        {
            throw new IOException($"cannot give {path} to user {owner}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Puts a link in another's place in one step. File.Move looks at what a link leads to, and refuses a folder.</summary>
    public static void Rename(string from, string to)
    {
        if (RenameTo(from, to) != 0)
        {
            throw new IOException($"cannot rename {from} to {to}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>The S_IFMT bits of a path, links followed; 0 where there is nothing.</summary>
    /// <remarks>By statx(2), of which the layout is the same on every machine.</remarks>
    public static int FileType(string path)
    {
        Span<byte> buffer = stackalloc byte[256];
        return Statx(CurrentFolder, path, 0, TypeOnly, buffer) == 0
            ? BitConverter.ToUInt16(buffer[ModeOffset..]) & 0xF000
            : 0;
    }

    /// <summary>mountinfo writes blanks, tabs, newlines and backslashes as three octal digits.</summary>
    private static string Unescape(string path) => path.Contains('\\', StringComparison.Ordinal)
        ? path.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal)
            .Replace("\\012", "\n", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal)
        : path;

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, ulong flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount2(string target, int flags);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LChown(string path, uint owner, uint group);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameTo(string from, string to);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, Span<byte> result);
}
