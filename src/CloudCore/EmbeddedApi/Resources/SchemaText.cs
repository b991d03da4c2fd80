using System.Globalization;
using System.Reflection;

namespace EdgeSync.CloudCore.EmbeddedApi.Resources;

/// <summary>Reads the *.schema files next to this one; meta.schema says how they are written.</summary>
internal sealed class SchemaText
{
    private static readonly Dictionary<string, FieldShape> s_plain = new()
    {
        ["string"] = new(FieldKind.String),
        ["int"] = new(FieldKind.Integer),
        ["int32"] = new(FieldKind.Integer) { Is32Bit = true },
        ["number"] = new(FieldKind.Number),
        ["bool"] = new(FieldKind.Boolean),
        ["time"] = new(FieldKind.Time),
        ["microtime"] = new(FieldKind.MicroTime),
        ["duration"] = new(FieldKind.Duration),
        ["bytes"] = new(FieldKind.Bytes),
        ["quantity"] = new(FieldKind.Quantity),
        ["intstr"] = new(FieldKind.IntOrString),
        ["any"] = new(FieldKind.Any) { IsGranular = true },
        ["raw"] = new(FieldKind.Any),
        ["fields"] = new(FieldKind.Any),
    };

    private readonly Dictionary<string, TypeSchema> _types = [];

    public IReadOnlyCollection<TypeSchema> Types => _types.Values;

    /// <summary>All types of the embedded files.</summary>
    public static SchemaText LoadEmbedded()
    {
        var text = new SchemaText();
        var lines = new List<string>();
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var file in assembly.GetManifestResourceNames().Where(n => n.EndsWith(".schema", StringComparison.Ordinal)))
        {
            // types of a file without a package have none, whatever file came before
            lines.Add("@");
            using var reader = new StreamReader(assembly.GetManifestResourceStream(file)!);
            while (reader.ReadLine() is { } line)
            {
                lines.Add(line);
            }
        }

        text.Read(lines);
        return text;
    }

    /// <summary>A type that is known to be there.</summary>
    public TypeSchema Type(string name) =>
        _types.TryGetValue(name, out var type) ? type : throw new InvalidOperationException($"the schema has no type {name}");

    private void Read(List<string> lines)
    {
        DeclareTypes(lines);
        TypeSchema? current = null;
        foreach (var line in lines.Where(l => l.Length > 0 && l[0] is not ('#' or '@')))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line[0] != ' ')
            {
                current = _types[words[0]];
            }
            else if (words[0] == "~")
            {
                current!.Embed(Number(words), Type(words[1]));
            }
            else
            {
                current!.Add(ReadField(words));
            }
        }

        foreach (var type in _types.Values)
        {
            type.TakeEmbedded();
        }
    }

    /// <summary>First, since a field may have a type that is written further below.</summary>
    private void DeclareTypes(List<string> lines)
    {
        var package = "";
        foreach (var line in lines.Where(l => l.Length > 0 && l[0] is not ('#' or ' ')))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] == "@")
            {
                package = words.ElementAtOrDefault(1) ?? "";
                continue;
            }

            _types.Add(words[0], new TypeSchema(words[0]) { Package = package, Atomic = words.Contains("struct=atomic") });
        }
    }

    private static int Number(string[] words) =>
        words.FirstOrDefault(w => w[0] == '#') is { } text ? int.Parse(text.AsSpan(1), CultureInfo.InvariantCulture) : 0;

    private FieldSchema ReadField(string[] words)
    {
        var strategy = words.FirstOrDefault(w => w is "merge" or "retainKeys" or "merge,retainKeys") ?? "";
        return new FieldSchema(
            words[0],
            ReadShape(words[1].TrimEnd('?', '!')),
            strategy.StartsWith("merge", StringComparison.Ordinal),
            strategy.EndsWith("retainKeys", StringComparison.Ordinal),
            Member(words, "key="))
        {
            Number = Number(words),
            Optional = words[1].EndsWith('?'),
            Always = words[1].EndsWith('!'),
            Required = words.Contains("required"),
            Replace = words.Contains("replace"),
            ListType = Member(words, "list=") switch { "set" => ListType.Set, "map" => ListType.Map, _ => ListType.Atomic },
            Keys = Member(words, "keys=")?.Split(',') ?? [],
            Atomic = words.Contains("map=atomic") || words.Contains("struct=atomic"),
            DefaultText = Member(words, "default="),
        };
    }

    private static string? Member(string[] words, string prefix) =>
        words.FirstOrDefault(w => w.StartsWith(prefix, StringComparison.Ordinal))?[prefix.Length..];

    private FieldShape ReadShape(string text)
    {
        if (text.StartsWith("[]", StringComparison.Ordinal))
        {
            return new FieldShape(FieldKind.List, Element: ReadShape(text[2..]));
        }

        if (text.StartsWith("map:", StringComparison.Ordinal))
        {
            return new FieldShape(FieldKind.Map, Element: ReadShape(text[4..]));
        }

        return s_plain.GetValueOrDefault(text) ?? text switch
        {
            "schemaOrBool" => new FieldShape(FieldKind.ObjectOrBoolean, Type("JSONSchemaProps")),
            "schemaOrList" => new FieldShape(FieldKind.ObjectOrList, Type("JSONSchemaProps")),
            "schemaOrStrings" => new FieldShape(FieldKind.ObjectOrStrings, Type("JSONSchemaProps")),
            _ => new FieldShape(FieldKind.Object, Type(text)),
        };
    }
}
