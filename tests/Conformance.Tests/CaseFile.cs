using System.Text.RegularExpressions;

namespace EdgeSync.Conformance.Tests;

/// <summary>One step of a case: a request or a command line, with what follows it in the file.</summary>
internal sealed record CaseStep
{
    public required string Name { get; init; }

    /// <summary>The line in the file, for messages.</summary>
    public required int Line { get; init; }

    /// <summary><c>METHOD PATH</c> or <c>kubectl …</c>, placeholders not yet filled in.</summary>
    public required string Action { get; init; }

    /// <summary>Lines that begin with @: name and value.</summary>
    public required IReadOnlyList<(string Name, string Value)> Directives { get; init; }

    public required IReadOnlyList<(string Name, string Value)> Headers { get; init; }

    public required string Body { get; init; }

    /// <summary>Files of a command, by name; <c>stdin</c> is its input.</summary>
    public required IReadOnlyList<(string Name, string Text)> Files { get; init; }

    public bool IsCommand => Action.StartsWith("kubectl", StringComparison.Ordinal);

    public string? Directive(string name) => Directives.FirstOrDefault(d => d.Name == name).Value;

    public bool Has(string name) => Directives.Any(d => d.Name == name);
}

/// <summary>A file below Cases; README.md describes its form.</summary>
internal sealed partial record CaseFile(string Name, IReadOnlyList<CaseStep> Steps)
{
    private const string Extension = ".case";
    private const string Api = "Cases";
    private static readonly HashSet<string> s_directives =
        ["as", "anonymous", "base64", "save", "check", "events", "until", "headers", "text", "background", "sorted", "show", "where", "distinct"];

    /// <summary>Every case of the API, by its path below Cases without the ending.</summary>
    public static IReadOnlyList<string> Names { get; } = NamesIn(Api);

    /// <summary>What is the case's alone on both servers: its namespace, and the end of its cluster-wide names.</summary>
    public string Unique => NotOfANameRegex().Replace(Name.ToLowerInvariant(), "-") + (IsSecondRun ? "-2" : "");

    /// <summary>Whether it is run once more on the same servers.</summary>
    public bool IsSecondRun { get; init; }

    /// <summary>Every case of a folder of this project, by its path below that without the ending.</summary>
    public static IReadOnlyList<string> NamesIn(string folder) => Directory.Exists(PathOf(folder))
        ? [.. Directory.EnumerateFiles(PathOf(folder), "*" + Extension, SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(PathOf(folder), f)[..^Extension.Length])
            .Order(StringComparer.Ordinal)]
        : [];

    public static CaseFile Load(string name, string folder = Api) => Parse(name, File.ReadAllText(Path.Combine(PathOf(folder), name + Extension)));

    /// <exception cref="FormatException">The file is not of the form; the message has the line.</exception>
    public static CaseFile Parse(string name, string text)
    {
        var lines = text.Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n');
        var steps = new List<CaseStep>();
        var at = 0;
        while (at < lines.Length)
        {
            var line = lines[at];
            if (line.StartsWith("## ", StringComparison.Ordinal))
            {
                steps.Add(ParseStep(name, lines, ref at));
            }
            else if (line.Length == 0 || line.StartsWith('#'))
            {
                at++;
            }
            else
            {
                throw Wrong(name, at, "a step begins with '## NAME'; before the first one there are only lines with #");
            }
        }

        if (steps.Count == 0)
        {
            throw Wrong(name, 0, "a case has at least one step: '## NAME'");
        }

        if (steps.GroupBy(s => s.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw Wrong(name, twice.Last().Line - 1, $"two steps are called {twice.Key}");
        }

        return new CaseFile(name, steps);
    }

    private static CaseStep ParseStep(string name, string[] lines, ref int at)
    {
        var start = at;
        var title = lines[at++][3..].Trim();
        var directives = new List<(string, string)>();
        while (at < lines.Length && lines[at].StartsWith('@'))
        {
            var words = lines[at][1..].Split(' ', 2);
            if (!s_directives.Contains(words[0]))
            {
                throw Wrong(name, at, $"there is no @{words[0]}; there are @{string.Join(", @", s_directives)}");
            }

            directives.Add((words[0], words.Length > 1 ? words[1].Trim() : ""));
            at++;
        }

        if (at >= lines.Length || lines[at].Trim() is not { Length: > 0 } action)
        {
            throw Wrong(name, at, "a step says what to do: 'METHOD PATH' or 'kubectl …'");
        }

        at++;
        var headers = new List<(string, string)>();
        while (at < lines.Length && lines[at].Length > 0 && !lines[at].StartsWith("## ", StringComparison.Ordinal))
        {
            var colon = lines[at].IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
            {
                throw Wrong(name, at, "after the action come headers ('Name: value') and then an empty line");
            }

            headers.Add((lines[at][..colon].Trim(), lines[at][(colon + 1)..].Trim()));
            at++;
        }

        var rest = new List<string>();
        while (at < lines.Length && !lines[at].StartsWith("## ", StringComparison.Ordinal))
        {
            rest.Add(lines[at++]);
        }

        var (body, files) = SplitFiles(rest);
        return new CaseStep
        {
            Name = title,
            Line = start + 1,
            Action = action,
            Directives = directives,
            Headers = headers,
            Body = body,
            Files = files,
        };
    }

    /// <summary>What stands before the first '--- NAME' is the body, the rest are files.</summary>
    private static (string Body, List<(string Name, string Text)> Files) SplitFiles(List<string> lines)
    {
        var parts = new List<(string Name, List<string> Lines)> { ("", []) };
        foreach (var line in lines)
        {
            if (FileRegex().Match(line) is { Success: true } match)
            {
                parts.Add((match.Groups[1].Value, []));
            }
            else
            {
                parts[^1].Lines.Add(line);
            }
        }

        var files = parts.Skip(1).Select(p => (p.Name, string.Join('\n', p.Lines).Trim('\n') + "\n")).ToList();
        return (string.Join('\n', parts[0].Lines).Trim('\n'), files);
    }

    private static string PathOf(string folder) => Path.Combine(TestKit.ProgramsLocation.Root, "tests", "Conformance.Tests", folder);

    private static FormatException Wrong(string name, int line, string what) => new($"{name}{Extension}:{line + 1}: {what}");

    [GeneratedRegex("[^a-z0-9]+")]
    private static partial Regex NotOfANameRegex();

    [GeneratedRegex(@"^--- (\S+)$")]
    private static partial Regex FileRegex();
}
