using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

/// <summary>
/// KubeEdge's kinds and the PodGroups of gangs, from the same files that are applied to a real cluster (deploy/cloud/crds). At each start what is missing is
/// installed, and what is older and as we left it is brought up to date; what somebody has changed stays as it is.
/// </summary>
internal sealed partial class ShippedDefinitions(ObjectStore store, ObjectWriter writer, ResourceDescriptor resource, ILogger logger)
{
    private const string Folder = "crds/";

    /// <summary>Which edition of the file a definition is; grows with each change of it.</summary>
    private const string VersionAnnotation = "edgesync.io/definition-version";

    /// <summary>What the spec was when we wrote it: where it is something else now, somebody has changed it.</summary>
    private const string HashAnnotation = "edgesync.io/definition-hash";

    /// <summary>The definitions that are shipped.</summary>
    public static IReadOnlyList<JsonObject> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var definitions = new List<JsonObject>();
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(Folder, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            definitions.Add(YamlToJson.ReadOne(reader.ReadToEnd()) as JsonObject ?? throw new InvalidOperationException($"{name} is no object"));
        }

        return definitions;
    }

    /// <summary>Before the first request is served.</summary>
    public async Task InstallAsync(CancellationToken cancellationToken)
    {
        foreach (var definition in Read())
        {
            var name = definition.Object("metadata")!.Text("name")!;
            var context = new WriteContext(resource, new NamespacedName("", name), false, "Ignore", _ => { });
            context.Conform(definition);
            DefinitionDefaults.Apply(definition);
            definition.Object("metadata")!.ObjectOrNew("annotations")[HashAnnotation] = Hash(definition);
            if (store.State.Get(resource.StorageName, context.Key) is not { } stored)
            {
                await writer.CreateAsync(context, definition, cancellationToken);
            }
            else
            {
                await BringUpToDateAsync(context, definition, stored.Parse(), cancellationToken);
            }
        }
    }

    private async Task BringUpToDateAsync(WriteContext context, JsonObject shipped, JsonObject present, CancellationToken cancellationToken)
    {
        var found = Hash(present);
        if (found == Annotation(shipped, HashAnnotation) || present.Object("metadata")?["deletionTimestamp"] is not null)
        {
            return;
        }

        if (found != Annotation(present, HashAnnotation))
        {
            LogKept(context.Key.Name);
            return;
        }

        if (VersionOf(shipped) <= VersionOf(present))
        {
            // an older cloudcore on a newer database: what is there knows more
            return;
        }

        await writer.UpdateAsync(
            context,
            "",
            next =>
            {
                next["spec"] = shipped["spec"]!.DeepClone();
                var annotations = next.Object("metadata")!.ObjectOrNew("annotations");
                annotations[VersionAnnotation] = Annotation(shipped, VersionAnnotation);
                annotations[HashAnnotation] = Annotation(shipped, HashAnnotation);
                return next;
            },
            cancellationToken);
        LogUpdated(context.Key.Name, VersionOf(shipped));
    }

    private static string? Annotation(JsonObject definition, string name) => definition.Object("metadata")?.Object("annotations")?.Text(name);

    private static int VersionOf(JsonObject definition) =>
        int.TryParse(Annotation(definition, VersionAnnotation), NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : 0;

    /// <summary>A hash of the spec that does not depend on the order of its members.</summary>
    public static string Hash(JsonObject definition) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sorted(definition["spec"])?.ToJsonString() ?? "")))[..32];

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => KeyValuePair.Create(m.Key, Sorted(m.Value)))),
        JsonArray list => new JsonArray([.. list.Select(Sorted)]),
        _ => node?.DeepClone(),
    };

    [LoggerMessage(LogLevel.Information, "CustomResourceDefinition {Name} is other than the one that comes with this version, and somebody's own: it is kept")]
    private partial void LogKept(string name);

    [LoggerMessage(LogLevel.Information, "CustomResourceDefinition {Name} was brought up to version {Version}")]
    private partial void LogUpdated(string name, int version);
}
