using System.Globalization;

namespace EdgeSync.TestKit;

/// <summary>
/// Another time of day for one program, set and changed while it runs (libfaketime, preloaded). The monotonic clock
/// is the machine's, as when somebody sets a box's clock.
/// </summary>
public sealed class FakeClock : IDisposable
{
    private readonly TempFolder _folder = new();

    public FakeClock(TimeSpan offset) => Set(offset);

    private string File => _folder.File("offset");

    /// <summary>Why there is none here; null where there is.</summary>
    public static string? WhyNot() => Library() is null ? "libfaketime is not installed" : null;

    /// <summary>How far the program's clock is from the right one, from now on.</summary>
    public void Set(TimeSpan offset)
    {
        // a new file in the place of the old one: the program may be reading
        System.IO.File.WriteAllText(File + ".new", offset.TotalSeconds.ToString("+0;-0;+0", CultureInfo.InvariantCulture) + "\n");
        System.IO.File.Move(File + ".new", File, overwrite: true);
    }

    /// <summary>The place with this clock.</summary>
    public ProgramsPlace At(ProgramsPlace place) => place
        .With("LD_PRELOAD", Library()!)
        .With("FAKETIME_TIMESTAMP_FILE", File)
        .With("FAKETIME_NO_CACHE", "1")
        .With("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .With("DONT_FAKE_MONOTONIC", "1");

    public void Dispose() => _folder.Dispose();

    // /usr/lib/TRIPLET/faketime/
    private static string? Library() => Directory.EnumerateDirectories("/usr/lib")
        .Select(folder => Path.Combine(folder, "faketime", "libfaketimeMT.so.1"))
        .FirstOrDefault(System.IO.File.Exists);
}
