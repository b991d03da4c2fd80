using System.Collections.Frozen;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources;

/// <summary>A definition, read: its versions, and the descriptors by which they are served. Immutable.</summary>
internal sealed class CustomKind
{
    // what discovery tells of a definition that is on its way out; changes are still taken
    private static readonly IReadOnlyList<string> s_verbsAtTheEnd = ["delete", "deletecollection", "get", "list", "watch"];

    private readonly JsonObject _definition;
    private readonly List<CustomVersion> _versions;

    private CustomKind(JsonObject definition, List<CustomVersion> versions)
    {
        _definition = definition;
        _versions = versions;
    }

    public string Group => Spec.Text("group") ?? "";

    public string Plural => Names.Text("plural") ?? "";

    /// <summary>Where the objects lie.</summary>
    public string StorageName => $"{Plural}.{Group}";

    private JsonObject Spec => _definition.Object("spec") ?? [];

    private JsonObject Names => Spec.Object("names") ?? [];

    /// <summary>Reads a definition.</summary>
    /// <exception cref="FormatException">It cannot be used; the message says why.</exception>
    public static CustomKind Read(JsonObject definition, TypeSchema objectMeta) => new(
        definition,
        [.. (definition.Object("spec") ?? []).Objects("versions").Select(v => new CustomVersion(definition, v, objectMeta))]);

    /// <summary>The same versions with what the definition's status says now.</summary>
    public CustomKind WithStatus(JsonObject definition) => new(definition, _versions);

    /// <summary>One descriptor for each served version, the best version first.</summary>
    public IReadOnlyList<ResourceDescriptor> Descriptors()
    {
        var storage = _versions.Find(v => v.Raw.IsTrue("storage")) ?? throw new FormatException($"{StorageName} has no storage version");
        return [.. _versions
            .Where(v => v.Raw.IsTrue("served"))
            .OrderBy(v => v.Name, KubeVersionOrder.BestFirst)
            .Select(v => Descriptor(v, storage))];
    }

    private ResourceDescriptor Descriptor(CustomVersion version, CustomVersion storage)
    {
        var names = _definition.Object("status")?.Object("acceptedNames") ?? Names;
        var storageVersion = $"{Group}/{storage.Name}";
        var scale = version.Raw.Object("subresources")?.Object("scale");
        var isTerminating = DefinitionConditions.IsTrue(_definition, DefinitionConditions.Terminating);
        return new ResourceDescriptor
        {
            Group = Group,
            Version = version.Name,
            Plural = Plural,
            Singular = Names.Text("singular") ?? "",
            Kind = Names.Text("kind") ?? "",
            ListKind = Names.Text("listKind") ?? "",
            ShortNames = Texts(names, "shortNames"),
            Categories = Texts(names, "categories"),
            Namespaced = Spec.Text("scope") == "Namespaced",
            StorageName = StorageName,
            Subresources = [.. Subresources(version)],
            Schema = version.Type,
            TakesProtobuf = false,
            StrategicMerge = false,
            TracksGeneration = true,
            UpdateNeedsVersion = true,
            SelectableFields = [.. version.Raw.Objects("selectableFields").Select(f => (f.Text("jsonPath") ?? "").TrimStart('.'))],
            Columns = CustomColumns.Of(version.Raw),
            DeprecationWarning = DeprecationWarning(version),
            Verbs = isTerminating ? s_verbsAtTheEnd : ResourceDescriptor.AllVerbs,
            IsTerminating = isTerminating,
            OpenApiSchema = version.OpenApi,
            Conform = version.Conform,
            Form = version,
            WritesForm = ReferenceEquals(version, storage) ? storage : null,
            Definition = StorageName,
            StorageVersion = storage.Name,
            Validate = version.Validate,
            PartialWrites = PartialWrites(version),
            Scale = scale is null ? null : new ScalePaths(
                Dotted(scale, "specReplicasPath"), Dotted(scale, "statusReplicasPath"), scale["labelSelectorPath"] is null ? null : Dotted(scale, "labelSelectorPath")),
            FromStorage = node => FromStorage(node, version, storage),
            ToStorage = node => node["apiVersion"] = storageVersion,
            PruneForStorage = ReferenceEquals(version, storage) ? null : storage.Prune,
        };
    }

    /// <summary>
    /// As Kubernetes reads an object: it is brought into the shape of the version that it lies in, with that one's defaults, and then
    /// keeps what the version that is asked for knows.
    /// </summary>
    private void FromStorage(JsonObject node, CustomVersion version, CustomVersion storage)
    {
        var stored = node.Text("apiVersion") is { } text ? _versions.Find(v => text == $"{Group}/{v.Name}") ?? storage : storage;
        stored.Upgrade(node);
        node["apiVersion"] = $"{Group}/{version.Name}";
        if (!ReferenceEquals(stored, version))
        {
            version.Prune(node);
        }
    }

    private static FrozenDictionary<string, SubresourceWrite> PartialWrites(CustomVersion version) => FrozenDictionary.ToFrozenDictionary(
        [KeyValuePair.Create("status", new SubresourceWrite(TakeStatus, version.ValidateStatus, ResourceVerbNames.Write))]);

    private static void TakeStatus(JsonObject whole, JsonObject next) => whole.SetOrRemove("status", next["status"]);

    private static IEnumerable<string> Subresources(CustomVersion version)
    {
        var subresources = version.Raw.Object("subresources") ?? [];
        if (subresources.Object("status") is not null)
        {
            yield return "status";
        }

        if (subresources.Object("scale") is not null)
        {
            yield return "scale";
        }
    }

    /// <summary>What whoever asks for a version is told that should be asked for no more; null for others.</summary>
    private string? DeprecationWarning(CustomVersion version)
    {
        if (!version.Raw.IsTrue("deprecated"))
        {
            return null;
        }

        if (version.Raw.Text("deprecationWarning") is { Length: > 0 } own)
        {
            return own;
        }

        var kind = Names.Text("kind");
        var better = _versions
            .Where(v => v.Raw.IsTrue("served") && !v.Raw.IsTrue("deprecated") && KubeVersionOrder.BestFirst.Compare(v.Name, version.Name) < 0)
            .Select(v => v.Name).Order(KubeVersionOrder.BestFirst).FirstOrDefault();
        return $"{Group}/{version.Name} {kind} is deprecated" + (better is null ? "" : $"; use {Group}/{better} {kind}");
    }

    private static string Dotted(JsonObject node, string member) => (node.Text(member) ?? "").TrimStart('.');

    private static string[] Texts(JsonObject names, string member) => [.. (names.List(member) ?? []).Select(n => n.AsText() ?? "")];
}
