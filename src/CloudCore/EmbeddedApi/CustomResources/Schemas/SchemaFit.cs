using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

/// <summary>
/// Fits an object to a schema: what the schema does not know is removed (pruning), what is missing and has a default gets it,
/// and a null that may not be one goes or becomes the default. For one object; not thread-safe.
/// </summary>
/// <param name="track">Whether the removed fields' paths are kept.</param>
/// <param name="fillIn">Whether defaults are written in.</param>
internal sealed class SchemaFit(bool track, bool fillIn = true)
{
    // beyond these nobody reads on, and a body of three megabytes can hold hundreds of thousands
    private const int MostReported = 64;

    private readonly ValuePath _path = new();
    private readonly List<string> _unknown = [];

    /// <summary>The paths of what has been removed because the schema does not know it.</summary>
    public IReadOnlyList<string> Unknown => _unknown;

    /// <summary>Fits a whole resource; apiVersion, kind and metadata are left as they are.</summary>
    public void Apply(JsonObject root, CustomSchema schema) => Object(root, schema, schema.PreservesUnknown, isResource: true);

    /// <summary>Fits a default, which is no resource unless its schema says so.</summary>
    public void ApplyTo(JsonNode value, CustomSchema schema) => Value(value, schema, schema.PreservesUnknown);

    private void Value(JsonNode? value, CustomSchema? schema, bool preserve)
    {
        switch (value)
        {
            case JsonObject map:
                Object(map, schema, preserve, schema?.IsResource == true);
                break;
            case JsonArray list:
                List(list, schema, preserve);
                break;
        }
    }

    private void Object(JsonObject map, CustomSchema? schema, bool preserve, bool isResource)
    {
        List<string>? gone = null;
        List<(string Name, JsonNode Value)>? set = null;
        foreach (var (name, value) in map)
        {
            if (isResource && name is ("apiVersion" or "kind" or "metadata"))
            {
                continue;
            }

            var member = schema?.Member(name);
            if (member is null)
            {
                if (!preserve && schema is not { AllowsAdditional: true })
                {
                    Report(name);
                    (gone ??= []).Add(name);
                }
            }
            else if (fillIn && CustomSchema.IsNothing(value, member))
            {
                if (member.Default is null)
                {
                    (gone ??= []).Add(name);
                }
                else
                {
                    (set ??= []).Add((name, member.Default.DeepClone()));
                }
            }
            else if (value is JsonObject or JsonArray)
            {
                _path.Push(name);
                Value(value, member, member.PreservesUnknown);
                _path.Pop();
            }
        }

        foreach (var name in gone ?? [])
        {
            map.Remove(name);
        }

        foreach (var (name, value) in set ?? [])
        {
            map[name] = value;
            var member = schema!.Member(name)!;
            // as where the member is missing
            Value(value, member, member.PreservesUnknown);
        }

        if (fillIn && schema is { HasDefaults: true })
        {
            AddDefaults(map, schema);
        }
    }

    private void AddDefaults(JsonObject map, CustomSchema schema)
    {
        foreach (var (name, member) in schema.Properties)
        {
            if (member.Default is not null && !map.ContainsKey(name))
            {
                var value = member.Default.DeepClone();
                map[name] = value;
                if (member.HasDefaults)
                {
                    // a default that is an object gets the defaults of its members
                    Value(value, member, member.PreservesUnknown);
                }
            }
        }
    }

    private void List(JsonArray list, CustomSchema? schema, bool preserve)
    {
        var items = schema?.Items;
        for (var i = 0; i < list.Count; i++)
        {
            if (fillIn && list[i] is null && items is { Default: not null, Nullable: false })
            {
                list[i] = items.Default.DeepClone();
            }

            if (list[i] is JsonObject or JsonArray)
            {
                _path.Push(i);
                Value(list[i], items, preserve || items is { PreservesUnknown: true });
                _path.Pop();
            }
        }
    }

    private void Report(string name)
    {
        if (track && _unknown.Count < MostReported)
        {
            _unknown.Add(_path.ToString(name));
        }
    }
}
