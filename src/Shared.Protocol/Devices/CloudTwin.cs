using System.Globalization;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.Protocol.Devices;

/// <summary>
/// What a Device object from the cloud means for the local twin: desired values become expected ones, and what an
/// earlier life of this node reported is taken back. Pure.
/// </summary>
public static class CloudTwin
{
    /// <summary>In <c>status.twins[].reported.metadata</c>: the report's sequence (<see cref="TwinEntry.Actual"/>'s edge version).</summary>
    public const string SequenceKey = "sequence";

    private const string TimestampKey = "timestamp";
    private const string TypeKey = "type";

    /// <summary>
    /// The twin of a device that is not in the local database. Reported values in the object's status are taken over
    /// with their sequences: they are what this node knew before it lost its database.
    /// </summary>
    /// <param name="device">The Device object.</param>
    /// <param name="model">Its DeviceModel; null where the node does not have it.</param>
    /// <param name="knownOther">
    /// True where the node holds another incarnation: then values in the status are a copy of the last life's and only
    /// the sequences are taken, so that later reports are seen as newer.
    /// </param>
    public static TwinDocument Begin(Device device, DeviceModel? model, bool knownOther)
    {
        var document = new TwinDocument { Id = IdOf(device), Uid = device.Metadata.Uid ?? "" };
        document = Describe(document, device, model);
        var properties = document.Properties.ToBuilder();
        foreach (var twin in device.Status?.Twins ?? [])
        {
            // objects come from outside: any member may be null
            if (twin?.PropertyName is null || TwinTypes.CheckName(twin.PropertyName) is not null)
            {
                continue;
            }

            var type = TwinTypes.Parse(Metadata(twin.Reported, TypeKey)) ?? document.ModelTypes.GetValueOrDefault(twin.PropertyName) ?? TwinTypes.Text;
            var actual = new TwinSide(
                knownOther ? null : NullIfEmpty(twin.Reported?.Value),
                Number(Metadata(twin.Reported, TimestampKey)),
                new TwinVersion(0, Number(Metadata(twin.Reported, SequenceKey))));
            if (actual.Value is not null || actual.Version.Edge > 0)
            {
                properties[twin.PropertyName] = new TwinEntry
                {
                    Type = actual.Value is null ? TwinTypes.Deleted : type,
                    Actual = actual,
                    SaidAt = actual.Version.Edge,
                };
            }
        }

        return document with { Properties = properties.ToImmutable() };
    }

    /// <summary>The document with the object's description and the model's types.</summary>
    public static TwinDocument Describe(TwinDocument document, Device device, DeviceModel? model)
    {
        var types = new Dictionary<string, string>();
        foreach (var property in model?.Spec?.Properties ?? [])
        {
            if (property?.Name is not null && TwinTypes.Parse(property.Type) is { } type and not TwinTypes.Deleted)
            {
                types[property.Name] = type;
            }
        }

        return document with { Description = device.Metadata.Labels?.GetValueOrDefault("description") ?? "", ModelTypes = types };
    }

    /// <summary>
    /// Takes over the desired values that changed in the cloud since they were last taken. A value that the twin's
    /// rules refuse is left out and named in <paramref name="problems"/>.
    /// </summary>
    public static TwinOutcome ApplyDesired(TwinDocument document, Device device, long now, out IReadOnlyList<string> problems)
    {
        var found = new List<string>();
        var changed = new List<PropertyChange>();
        var desired = Desired(device);
        var properties = document.Properties;
        foreach (var (name, before) in document.Properties)
        {
            if (before.CloudDesired is not null && !desired.ContainsKey(name))
            {
                Set(name, before, null);
            }
        }

        foreach (var (name, value) in desired)
        {
            var before = properties.GetValueOrDefault(name);
            if (before?.CloudDesired == value)
            {
                continue;
            }

            if ((TwinTypes.CheckName(name) ?? TwinTypes.CheckValue(name, TypeOf(document, name, before), value)) is { } problem)
            {
                found.Add(problem);
                continue;
            }

            if (before is null && properties.Count >= TwinLimits.MaxProperties)
            {
                found.Add($"property \"{name}\": the device has {TwinLimits.MaxProperties} properties already");
                continue;
            }

            Set(name, before, value);
        }

        problems = found;
        return new TwinOutcome(document with { Properties = properties }, changed, null);

        void Set(string name, TwinEntry? before, string? value)
        {
            var entry = before ?? new TwinEntry { Type = TypeOf(document, name, null) };
            var after = entry with
            {
                Type = value is null ? entry.Type : TypeOf(document, name, before),
                Expected = entry.Expected.SetByCloud(value, now),
                Actual = entry.Actual.Touch(),
                CloudDesired = value,
            };
            properties = properties.SetItem(name, after);
            changed.Add(new PropertyChange(name, before is { IsDeleted: true } ? null : before, after));
        }
    }

    /// <summary>The device's address, from its object.</summary>
    public static DeviceId IdOf(Device device) => new(device.Metadata.Namespace ?? "", device.Metadata.Name ?? "");

    private static Dictionary<string, string> Desired(Device device)
    {
        var desired = new Dictionary<string, string>();
        foreach (var property in device.Spec?.Properties ?? [])
        {
            if (property?.Name is not null && !string.IsNullOrEmpty(property.Desired?.Value))
            {
                desired[property.Name] = property.Desired.Value;
            }
        }

        return desired;
    }

    private static string TypeOf(TwinDocument document, string name, TwinEntry? entry) =>
        entry is { IsDeleted: false } ? entry.Type : document.ModelTypes.GetValueOrDefault(name) ?? TwinTypes.Text;

    private static string? Metadata(TwinProperty? property, string key) => property?.Metadata?.GetValueOrDefault(key);

    private static string? NullIfEmpty(string? value) => string.IsNullOrEmpty(value) ? null : value;

    private static long Number(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= TwinLimits.MaxVersion ? number : 0;
}
