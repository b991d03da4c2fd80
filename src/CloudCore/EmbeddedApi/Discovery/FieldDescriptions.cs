using System.Reflection;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>What kinds and their most used fields are for, in a sentence or two; read when OpenAPI is first asked for.</summary>
internal sealed class FieldDescriptions
{
    // a file of lines: Type, a space, the text; or Type.field, a space, the text
    private const string File = "descriptions.txt";

    private readonly Dictionary<string, string> _texts = [];

    public string ApiVersion => _texts["apiVersion"];

    public string Kind => _texts["kind"];

    public static FieldDescriptions LoadEmbedded()
    {
        var descriptions = new FieldDescriptions();
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(File)!);
        while (reader.ReadLine() is { } line)
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && line[0] != '#')
            {
                descriptions._texts.Add(line[..space], line[(space + 1)..]);
            }
        }

        return descriptions;
    }

    /// <summary>Null where there is none.</summary>
    public string? Of(string type) => _texts.GetValueOrDefault(type);

    /// <summary>Of a field; where the type has none of its own, that of all fields with the name.</summary>
    public string? Of(string type, string field) => _texts.GetValueOrDefault($"{type}.{field}") ?? _texts.GetValueOrDefault(field);
}
