using System.Globalization;
using System.Reflection;

namespace EdgeSync.CloudCore.EmbeddedApi.Resources;

/// <summary>
/// Reads the *.schema files next to this one. A line is one of:
/// <code>
/// # comment
/// TypeName
///   field type[?] [#number] [merge|merge,retainKeys] [key=member]
///   ~ type #number
/// </code>
/// </summary>
internal sealed class SchemaText
{
    private readonly Dictionary<string, TypeSchema> _types = [];

    /// <summary>All types of the embedded files.</summary>
    public static SchemaText LoadEmbedded()
    {
        var text = new SchemaText();
        var lines = new List<string>();
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var file in assembly.GetManifestResourceNames().Where(n => n.EndsWith(".schema", StringComparison.Ordinal)))
        {
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
        foreach (var line in lines.Where(l => l.Length > 0 && l[0] is not ('#' or ' ')))
        {
            _types.Add(line, new TypeSchema(line));
        }

        TypeSchema? current = null;
        foreach (var line in lines.Where(l => l.Length > 0 && l[0] != '#'))
        {
            if (line[0] != ' ')
            {
                current = _types[line];
                continue;
            }

            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] == "~")
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

    private static int Number(string[] words) =>
        words.FirstOrDefault(w => w[0] == '#') is { } text ? int.Parse(text.AsSpan(1), CultureInfo.InvariantCulture) : 0;

    private FieldSchema ReadField(string[] words)
    {
        var strategy = words.FirstOrDefault(w => w.StartsWith("merge", StringComparison.Ordinal)) ?? "";
        var key = words.FirstOrDefault(w => w.StartsWith("key=", StringComparison.Ordinal))?[4..];
        var retainKeys = strategy.EndsWith("retainKeys", StringComparison.Ordinal);
        return new FieldSchema(words[0], ReadShape(words[1].TrimEnd('?')), strategy.Length > 0, retainKeys, key)
        {
            Number = Number(words),
            Optional = words[1].EndsWith('?'),
        };
    }

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

        return text switch
        {
            "string" => new FieldShape(FieldKind.String),
            "int" => new FieldShape(FieldKind.Integer),
            "number" => new FieldShape(FieldKind.Number),
            "bool" => new FieldShape(FieldKind.Boolean),
            "time" => new FieldShape(FieldKind.Time),
            "microtime" => new FieldShape(FieldKind.MicroTime),
            "bytes" => new FieldShape(FieldKind.Bytes),
            "quantity" => new FieldShape(FieldKind.Quantity),
            "intstr" => new FieldShape(FieldKind.IntOrString),
            "any" or "raw" or "fields" => new FieldShape(FieldKind.Any),
            _ => new FieldShape(FieldKind.Object, Type(text)),
        };
    }
}
