using System.IO.Enumeration;

namespace EdgeSync.Conformance.Tests;

/// <summary>
/// The lines of allowed-differences.txt (or another file of that form): <c>CASE | STEP | DIFFERENCE | REASON</c>, the first three with * and ?. It
/// counts which lines were of use: one that is of none any more has to go.
/// </summary>
internal sealed class AllowedDifferences
{
    private readonly List<Line> _lines;

    private AllowedDifferences(List<Line> lines) => _lines = lines;

    public static string FilePath => PathOf("allowed-differences.txt");

    public static string PathOf(string file) => Path.Combine(TestKit.ProgramsLocation.Root, "tests", "Conformance.Tests", file);

    public static AllowedDifferences Load() => Load(FilePath);

    public static AllowedDifferences Load(string path) => Parse(File.ReadAllLines(path), Path.GetFileName(path));

    /// <exception cref="FormatException">A line is not of the form.</exception>
    public static AllowedDifferences Parse(IReadOnlyList<string> text, string file = "allowed-differences.txt")
    {
        var lines = new List<Line>();
        for (var i = 0; i < text.Count; i++)
        {
            if (text[i].Trim() is not { Length: > 0 } line || line.StartsWith('#'))
            {
                continue;
            }

            var parts = line.Split(" | ", 4, StringSplitOptions.TrimEntries);
            if (parts is not [_, _, _, { Length: > 0 }])
            {
                throw new FormatException($"{file}:{i + 1}: a line is 'CASE | STEP | DIFFERENCE | REASON'");
            }

            if (parts[2].Trim('*', '?').Length == 0)
            {
                throw new FormatException($"{file}:{i + 1}: a line names what may differ; '{parts[2]}' allows everything, and such a case can not fail");
            }

            lines.Add(new Line(i + 1, parts[0], parts[1], parts[2]));
        }

        return new AllowedDifferences(lines);
    }

    /// <summary>Whether the difference is allowed; notes that its line is of use.</summary>
    public bool Allows(string caseName, string step, Difference difference)
    {
        var allowed = false;
        foreach (var line in _lines)
        {
            if (Matches(line.Case, caseName) && Matches(line.Step, step)
                && (Matches(line.Difference, difference.Path) || Matches(line.Difference, difference.ToString())))
            {
                line.Used = true;
                allowed = true;
            }
        }

        return allowed;
    }

    /// <summary>The numbers of the lines that allowed nothing, among those whose cases have all run.</summary>
    public IEnumerable<int> Unused(IReadOnlyCollection<string> all, IReadOnlySet<string> finished) =>
        _lines.Where(l => !l.Used && all.Where(name => Matches(l.Case, name)).All(finished.Contains)).Select(l => l.Number);

    // [ and ] of a path are plain text here; so is the backslash
    private static bool Matches(string pattern, string text) => FileSystemName.MatchesSimpleExpression(
        pattern.Replace("\\", "\\\\", StringComparison.Ordinal), text, ignoreCase: false);

    private sealed record Line(int Number, string Case, string Step, string Difference)
    {
        public bool Used { get; set; }
    }
}
