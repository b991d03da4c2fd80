using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>Who owns fields, and how it came by them; one entry of metadata.managedFields.</summary>
/// <param name="Name">The manager's name.</param>
/// <param name="Applies">Whether it applies; otherwise it updates.</param>
/// <param name="ApiVersion">For updates; one who applies is the same in all versions.</param>
/// <param name="Subresource">Through which it wrote; empty for the object itself.</param>
internal readonly record struct FieldManager(string Name, bool Applies, string ApiVersion, string Subresource)
{
    /// <summary>As conflicts name it: <c>"kubectl" using v1</c>.</summary>
    public override string ToString() =>
        $"\"{Name}\"{(Subresource.Length > 0 ? $" with subresource \"{Subresource}\"" : "")}{(Applies ? "" : $" using {ApiVersion}")}";
}

/// <summary>metadata.managedFields of one object, read; changed in place, and written back.</summary>
internal sealed class FieldManagers
{
    private const int MostUpdaters = 10;
    private const string Oldest = "ancient-changes";

    private readonly Dictionary<FieldManager, Owned> _owned = [];

    public bool IsEmpty => _owned.Count == 0;

    public IEnumerable<FieldManager> All => _owned.Keys;

    public FieldSet? Of(FieldManager manager) => _owned.TryGetValue(manager, out var owned) ? owned.Fields : null;

    /// <summary>Of all managers but one.</summary>
    public IEnumerable<(FieldManager Manager, FieldSet Fields)> Others(FieldManager self) =>
        _owned.Where(o => o.Key != self).Select(o => (o.Key, o.Value.Fields));

    /// <summary>Reads the list of a stored object. What each entry owns is read when it is asked for, which it seldom is.</summary>
    public static FieldManagers OfStored(JsonNode? list) => TryRead(list, isStored: true) ?? new FieldManagers();

    /// <summary>Reads the list; null where it is not a valid one.</summary>
    public static FieldManagers? TryRead(JsonNode? list) => TryRead(list, isStored: false);

    private static FieldManagers? TryRead(JsonNode? list, bool isStored)
    {
        var managers = new FieldManagers();
        if (list is not JsonArray entries)
        {
            return list is null ? managers : null;
        }

        foreach (var node in entries)
        {
            if (node is not JsonObject entry
                || entry.Text("operation") is not ("Apply" or "Update") and not null
                || entry.Text("operation") is null
                || entry.Text("apiVersion") is not { Length: > 0 } apiVersion
                || entry.Text("fieldsType") is not "FieldsV1")
            {
                return null;
            }

            try
            {
                var applies = entry.Text("operation") == "Apply";
                var manager = new FieldManager(
                    entry.Text("manager") ?? "", applies, applies ? "" : apiVersion, entry.Text("subresource") ?? "");
                var fields = entry.Object("fieldsV1") ?? [];
                managers._owned[manager] = isStored
                    ? new Owned(fields, apiVersion, entry.Text("time"))
                    : new Owned(FieldSet.Parse(fields), apiVersion, entry.Text("time"));
            }
            catch (FormatException)
            {
                // as for the rest: a list that cannot be read is none
                return null;
            }
        }

        return managers;
    }

    /// <summary>Sets what a manager owns; an empty set removes it.</summary>
    public void Set(FieldManager manager, FieldSet fields, string apiVersion, string? time)
    {
        if (fields.IsEmpty)
        {
            _owned.Remove(manager);
        }
        else
        {
            _owned[manager] = new Owned(fields, apiVersion, time ?? (_owned.TryGetValue(manager, out var owned) ? owned.Time : null));
        }
    }

    /// <summary>Takes fields from everybody but one.</summary>
    public void Take(FieldSet fields, FieldManager self)
    {
        foreach (var (manager, owned) in _owned.ToList())
        {
            if (manager != self && owned.MayHaveOf(fields))
            {
                Set(manager, owned.Fields.Difference(fields), owned.ApiVersion, owned.Time);
            }
        }
    }

    /// <summary>The oldest updaters become one entry, so that the list is never longer than a few entries.</summary>
    public void Cap()
    {
        var updaters = _owned.Where(o => !o.Key.Applies).OrderBy(o => Seconds(o.Value.Time)).ThenBy(o => o.Key.ToString(), StringComparer.Ordinal).ToList();
        var first = new Dictionary<string, FieldManager>();
        var count = updaters.Count;
        foreach (var (manager, owned) in updaters)
        {
            if (count <= MostUpdaters)
            {
                return;
            }

            if (!first.TryGetValue(owned.ApiVersion, out var oldest))
            {
                first[owned.ApiVersion] = manager;
                continue;
            }

            var bucket = new FieldManager(Oldest, false, owned.ApiVersion, "");
            if (!_owned.ContainsKey(bucket) && _owned.Remove(oldest, out var before))
            {
                _owned[bucket] = before;
            }

            _owned[bucket] = new Owned(owned.Fields.Union(_owned[bucket].Fields), owned.ApiVersion, owned.Time);
            _owned.Remove(manager);
            count--;
        }
    }

    /// <summary>The list as Kubernetes orders it; null where nobody owns anything.</summary>
    public JsonArray? ToJson()
    {
        if (_owned.Count == 0)
        {
            return null;
        }

        var list = new JsonArray();
        foreach (var (manager, owned) in _owned
            .OrderBy(o => o.Key.Applies ? 0 : 1)
            .ThenBy(o => Seconds(o.Value.Time))
            .ThenBy(o => o.Key.Name, StringComparer.Ordinal)
            .ThenBy(o => o.Value.ApiVersion, StringComparer.Ordinal)
            .ThenBy(o => o.Key.Subresource, StringComparer.Ordinal))
        {
            var entry = new JsonObject();
            Put(entry, "manager", manager.Name);
            entry["operation"] = manager.Applies ? "Apply" : "Update";
            entry["apiVersion"] = owned.ApiVersion;
            Put(entry, "time", owned.Time ?? "");
            entry["fieldsType"] = "FieldsV1";
            entry["fieldsV1"] = owned.ToJson();
            Put(entry, "subresource", manager.Subresource);
            list.Add((JsonNode)entry);
        }

        return list;
    }

    private static void Put(JsonObject entry, string name, string value)
    {
        if (value.Length > 0)
        {
            entry[name] = value;
        }
    }

    private static long Seconds(string? time) => KubeTime.TryParse(time, out var parsed) ? parsed.ToUnixTimeSeconds() : 0;

    /// <summary>What one manager owns: as a set, or as the text of one that nobody has asked for.</summary>
    private sealed class Owned(string apiVersion, string? time)
    {
        private readonly JsonObject? _text;

        public Owned(FieldSet fields, string apiVersion, string? time)
            : this(apiVersion, time) => Fields = fields;

        public Owned(JsonObject text, string apiVersion, string? time)
            : this(apiVersion, time) => _text = text;

        public FieldSet Fields
        {
            get => field ??= FieldSet.Parse(_text!);
            private init;
        }

        public string ApiVersion => apiVersion;

        public string? Time => time;

        /// <summary>False where it certainly has none of the fields: a status's writer has nothing of a spec.</summary>
        public bool MayHaveOf(FieldSet fields) => _text is null || fields.Children.Any(c => _text.ContainsKey(c.Key));

        public JsonObject ToJson() => (JsonObject?)_text?.DeepClone() ?? Fields.ToJson();
    }
}
