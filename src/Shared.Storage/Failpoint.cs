using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EdgeSync.Storage;

/// <summary>
/// Named points in the programs at which a test can let the process die as by <c>kill -9</c>: no buffer is flushed, no
/// handler runs. <c>EDGESYNC_FAILPOINT=NAME</c> arms one, <c>NAME:N</c> its n-th passing. Unset, a point costs one
/// comparison with null. The names are in <see cref="StorageFailpoints"/> and in each program's own list.
/// </summary>
public static partial class Failpoint
{
    /// <summary>The environment variable that arms a point.</summary>
    public const string Variable = "EDGESYNC_FAILPOINT";

    /// <summary>How the line begins that the process writes to standard error before it dies.</summary>
    public const string Marker = "failpoint reached, the process dies: ";

    private const int SigKill = 9;
    private const int StandardError = 2;

    private static readonly Armed? s_armed = Armed.Read(Environment.GetEnvironmentVariable(Variable));

    /// <summary>Whether a point is armed: for callers whose name costs something to find.</summary>
    public static bool IsArmed => s_armed is not null;

    /// <summary>Dies here if this point is armed and its turn has come.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Hit(string name)
    {
        if (s_armed is { } armed)
        {
            armed.Pass(name);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int descriptor, ReadOnlySpan<byte> text, nuint count);

    private sealed class Armed(string name, int turn)
    {
        private int _left = turn;

        /// <exception cref="FormatException">Not NAME or NAME:N.</exception>
        public static Armed? Read(string? text)
        {
            if (string.IsNullOrEmpty(text))
            {
                return null;
            }

            var parts = text.Split(':', 2);
            var turn = 1;
            return parts.Length == 1 || (int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out turn) && turn > 0)
                ? new Armed(parts[0], turn)
                : throw new FormatException($"{Variable} must be NAME or NAME:N, and is \"{text}\"");
        }

        public void Pass(string passed)
        {
            if (passed != name || Interlocked.Decrement(ref _left) != 0)
            {
                return;
            }

            var line = System.Text.Encoding.UTF8.GetBytes($"{Marker}{name}\n");
            _ = Write(StandardError, line, (nuint)line.Length);
            _ = Kill(Environment.ProcessId, SigKill);
            Thread.Sleep(Timeout.Infinite); // the signal is on its way: nothing after this point may run
        }
    }
}
