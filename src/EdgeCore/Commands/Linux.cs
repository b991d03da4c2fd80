using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace EdgeSync.EdgeCore.Commands;

/// <summary>The system calls about processes that .NET has no call for.</summary>
internal static partial class Linux
{
    public const int SigTerm = 15;

    public const int SigKill = 9;

    private const int OpenReadWrite = 0x2;
    private const int OpenCreate = 0x40;
    private const int OpenAppend = 0x400;
    private const int OpenCloseOnExec = 0x80000;
    private const int OpenPathOnly = 0x200000;
    private const int OwnerOnly = 0x180; // 0600

    /// <summary>
    /// Makes this process the leader of a session of its own, so that a closing terminal does not end it, with
    /// output and errors appended to <paramref name="log"/> and nothing on its input.
    /// </summary>
    public static void Detach(string log)
    {
        // fails when it leads a process group already; a detached start never does, and a shell's job may stay one
        _ = SetSid();
        using var output = new SafeFileHandle(Check(Open(log, OpenReadWrite | OpenCreate | OpenAppend | OpenCloseOnExec, OwnerOnly), log), ownsHandle: true);
        using var input = File.OpenHandle("/dev/null");
        var copies = StandardStreamCopies();
        _ = Check(Duplicate((int)input.DangerousGetHandle(), 0), "standard input");
        _ = Check(Duplicate((int)output.DangerousGetHandle(), 1), "standard output");
        _ = Check(Duplicate((int)output.DangerousGetHandle(), 2), "standard error");

        // .NET's console writes to descriptors of its own: left as they are, nothing would reach the log, and whoever
        // reads the output of the command that started this process would wait for its end
        foreach (var (descriptor, isInput) in copies)
        {
            _ = Check(DuplicateWithFlags((int)(isInput ? input : output).DangerousGetHandle(), descriptor, OpenCloseOnExec), "a copy of a standard stream");
        }
    }

    /// <summary>The kernel's name of a file, in which links on the way to it are resolved. Locks do not matter.</summary>
    public static string? ResolvedName(string path)
    {
        using var handle = new SafeFileHandle(Check(Open(path, OpenPathOnly | OpenCloseOnExec, 0), path), ownsHandle: true);
        return new FileInfo($"/proc/self/fd/{handle.DangerousGetHandle()}").LinkTarget;
    }

    /// <summary>Descriptors that lead where standard input, output or errors do (the same pipe, terminal or file).</summary>
    private static List<(int Descriptor, bool IsInput)> StandardStreamCopies()
    {
        var output = (string?[])[Target(1), Target(2)];
        var input = Target(0);
        var copies = new List<(int, bool)>();
        foreach (var entry in new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos())
        {
            var descriptor = int.Parse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture);
            var target = entry.LinkTarget;
            var isOutput = output.Contains(target);
            if (descriptor > 2 && target is not (null or "/dev/null") && (isOutput || target == input))
            {
                copies.Add((descriptor, !isOutput));
            }
        }

        return copies;
    }

    private static string? Target(int descriptor) => new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget;

    /// <summary>False when there is no such process.</summary>
    public static bool Signal(int process, int signal) => Kill(process, signal) == 0;

    private static int Check(int result, string what) =>
        result >= 0 ? result : throw new IOException($"cannot open {what}: {Marshal.GetLastPInvokeErrorMessage()}");

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "setsid", SetLastError = true)]
    private static partial int SetSid();

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    private static partial int Duplicate(int from, int to);

    [LibraryImport("libc", EntryPoint = "dup3", SetLastError = true)]
    private static partial int DuplicateWithFlags(int from, int to, int flags);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}
