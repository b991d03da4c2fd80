using System.Collections.ObjectModel;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Tables;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Resources;

/// <summary>
/// Everything that the server knows of one resource. Verbs, discovery, tables and patches read only this; a new
/// resource is a new descriptor.
/// </summary>
internal sealed record ResourceDescriptor
{
    /// <summary>The verbs of a resource that is stored.</summary>
    public static readonly IReadOnlyList<string> AllVerbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

    /// <summary>Empty for core/v1.</summary>
    public string Group { get; init; } = "";

    public required string Version { get; init; }

    /// <summary>The name in paths, lower case.</summary>
    public required string Plural { get; init; }

    public required string Singular { get; init; }

    public required string Kind { get; init; }

    public IReadOnlyList<string> ShortNames { get; init; } = [];

    /// <summary>For example <c>all</c>, as in <c>kubectl get all</c>.</summary>
    public IReadOnlyList<string> Categories { get; init; } = [];

    public bool Namespaced { get; init; } = true;

    /// <summary><c>status</c>, <c>binding</c>, ….</summary>
    public IReadOnlyList<string> Subresources { get; init; } = [];

    /// <summary>What can be done with the resource; one that is only asked (an access review) is created and nothing else.</summary>
    public IReadOnlyList<string> Verbs { get; init; } = AllVerbs;

    /// <summary>Whether its objects are made for each request, by somebody else than the store.</summary>
    public bool IsComputed { get; init; }

    /// <summary>Whether objects of the kind are kept; a review is answered and forgotten.</summary>
    public bool IsStored => Verbs.Count > 1;

    /// <summary>Where the objects lie; resources with the same name show the same objects in different forms.</summary>
    public string StorageName { get => field ?? GroupResource; init; }

    /// <summary>The fields of the kind: for type checks, unknown fields, patches and OpenAPI. Null takes any fields.</summary>
    public TypeSchema? Schema { get; init; }

    /// <summary>The fields of the form that is stored, where that is another kind's.</summary>
    public TypeSchema? StoredSchema { get => field ?? Schema; init; }

    /// <summary>Whether bodies may be protobuf; custom resources' may not.</summary>
    public bool TakesProtobuf { get; init; } = true;

    /// <summary>
    /// Brings a body into shape, in the place of <see cref="Schema"/>, and returns the paths of the fields that it removed because they
    /// are unknown. Custom resources have it.
    /// </summary>
    public Func<JsonObject, IReadOnlyList<string>>? Conform { get; init; }

    /// <summary>The schema of a custom resource as its definition has it, for OpenAPI; not to be changed.</summary>
    public JsonObject? OpenApiSchema { get; init; }

    /// <summary>The version that objects are stored in.</summary>
    public string StorageVersion { get => field ?? Version; init; }

    /// <summary>The definition that the resource comes from; null for built-in ones. Its objects are there only while it is.</summary>
    public string? Definition { get; init; }

    /// <summary>Whether the definition is on its way out: nothing new is created.</summary>
    public bool IsTerminating { get; init; }

    /// <summary>Told to whoever asks for the resource; null for one that is not deprecated.</summary>
    public string? DeprecationWarning { get; init; }

    /// <summary>Whether strategic merge patches are taken; Kubernetes takes them for built-in kinds only.</summary>
    public bool StrategicMerge { get; init; } = true;

    /// <summary>Whether metadata.generation counts the changes of what is asked for (all but metadata and status).</summary>
    public bool TracksGeneration { get; init; }

    /// <summary>Members of metadata whose changes metadata.generation counts too, as <c>annotations</c> of deployments.</summary>
    public IReadOnlyList<string> CountedMetadata { get; init; } = [];

    /// <summary>
    /// Members of metadata that a write of the status takes too: Kubernetes keeps only the spec out of it. A deployment's controller
    /// writes the revision, an annotation, with the status.
    /// </summary>
    public IReadOnlyList<string> StatusMetadata { get; init; } = ["annotations", "finalizers", "labels", "ownerReferences"];

    /// <summary>Where the subresource <c>scale</c> finds its numbers; null where there is none.</summary>
    public ScalePaths? Scale { get; init; }

    /// <summary>Subresources that are written like the object, but take only a part of it (<c>finalize</c>, <c>resize</c>).</summary>
    public IReadOnlyDictionary<string, SubresourceWrite> PartialWrites { get; init; } =
        System.Collections.Frozen.FrozenDictionary<string, SubresourceWrite>.Empty;

    /// <summary>
    /// What admission does to an object on its way in, in this order: after <see cref="Default"/> and before
    /// <see cref="PrepareCreate"/> and <see cref="Validate"/>. A step sees the whole state, and may refuse.
    /// </summary>
    public IReadOnlyList<AdmissionStep> Admission { get; init; } = [];

    /// <summary>Whether its writers come one at a time: what one of them takes (an address, a port) no other may take.</summary>
    public bool OneWriterAtATime { get; init; }

    /// <summary>What becomes of dependents where a delete does not say; null leaves the finalizers as they are.</summary>
    public string? DefaultPropagation { get; init; }

    /// <summary>Told to whoever deletes without saying what is to become of the dependents.</summary>
    public string? DeletionWarning { get; init; }

    /// <summary>Why an object of that name cannot be deleted, ever; null where it can.</summary>
    public Func<string, string?> Undeletable { get; init; } = static _ => null;

    /// <summary>Whether a row of the table is of something that has ended, and how; null where it goes on.</summary>
    public Func<System.Text.Json.JsonElement, RowCompletion?>? Completion { get; init; }

    /// <summary>Whether a status that comes with a create is kept, as for nodes, which register with theirs.</summary>
    public bool KeepsStatusOnCreate { get; init; }

    /// <summary>Whether an update of an object that is not there creates it.</summary>
    public bool CreatesOnUpdate { get; init; }

    /// <summary>Whether an update must say which version it was made from.</summary>
    public bool UpdateNeedsVersion { get; init; }

    /// <summary>Whether a delete answers with the object instead of a Status.</summary>
    public bool ReturnsDeletedObject { get; init; }

    /// <summary>Which characters a name may have.</summary>
    public NameRule NameRule { get; init; } = NameRule.Subdomain;

    /// <summary>Field selectors beside metadata.name and metadata.namespace, as dotted paths.</summary>
    public IReadOnlyList<string> SelectableFields { get; init; } = [];

    /// <summary>
    /// Where the fields of <see cref="SelectableFields"/> lie in the stored object, one for each; nearly always where their names say.
    /// Of <c>a|b</c> the second counts where the first is empty.
    /// </summary>
    public IReadOnlyList<string> SelectablePaths
    {
        get => field ?? SelectableFields;
        init;
    }

    /// <summary>How the refusal of a field names the kind; null where it does not.</summary>
    public string? SelectorKind { get; init; }

    /// <summary>What a selector finds for a field that an object does not have: numbers and truths have a value all the same.</summary>
    public IReadOnlyDictionary<string, string> FieldsWhereMissing { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>The columns of <c>kubectl get</c>.</summary>
    public IReadOnlyList<TableColumn> Columns { get; init; } = CommonColumns.NameAndAge;

    /// <summary>Writes the kind's defaults into an object that is created or updated.</summary>
    public Action<JsonObject>? Default { get; init; }

    /// <summary>Writes the kind's defaults into an object whose status is written.</summary>
    public Action<JsonObject>? DefaultStatus { get; init; }

    /// <summary>Runs once, on create, after <see cref="Default"/>: what the server itself sets.</summary>
    public Action<JsonObject>? PrepareCreate { get; init; }

    /// <summary>Runs on every update, after <see cref="Default"/>, with the new object and the old one.</summary>
    public Action<JsonObject, JsonObject>? PrepareUpdate { get; init; }

    /// <summary>Checks what is created (old is null) or updated.</summary>
    public ObjectValidator? Validate { get; init; }

    /// <summary>What the writer is told beside the answer, of what is created (old is null) or updated.</summary>
    public Func<JsonObject, JsonObject?, IEnumerable<string>>? Warnings { get; init; }

    /// <summary>
    /// How many seconds an object gets between the wish to delete it and its removal; null or 0 removes at once.
    /// The second argument is what the caller asked for.
    /// </summary>
    public Func<JsonObject, long?, long>? DeletionGrace { get; init; }

    /// <summary>Whether something beside metadata.finalizers holds the object back, as spec.finalizers does for namespaces.</summary>
    public Func<JsonObject, bool>? HoldsDeletion { get; init; }

    /// <summary>Runs when the deletion of an object begins that cannot be removed yet.</summary>
    public Action<JsonObject, string>? DeletionBegins { get; init; }

    /// <summary>Whether the first delete only marks an object: no grace, no new generation, no word on dependents.</summary>
    public bool DeletionIsMarkOnly { get; init; }

    /// <summary>
    /// What <see cref="FromStorage"/> makes of an object, as an identity: an object that was written in this form is not turned again,
    /// and one that has been turned is kept. Null turns each time.
    /// </summary>
    public object? Form { get; init; }

    /// <summary>The form in which writes through this resource store the object; null where it must be turned before it is shown.</summary>
    public object? WritesForm { get; init; }

    /// <summary>Turns a stored object into this resource's form, where that is another than the stored one.</summary>
    public Action<JsonObject>? FromStorage { get; init; }

    /// <summary>The reverse of <see cref="FromStorage"/>.</summary>
    public Action<JsonObject>? ToStorage { get; init; }

    /// <summary>Takes out what the stored version does not know, once the object has been checked in the version that it was written in.</summary>
    public Action<JsonObject>? PruneForStorage { get; init; }

    /// <summary>As in error messages and RBAC: <c>pods</c>, <c>daemonsets.apps</c>.</summary>
    public string GroupResource => Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    /// <summary>As in validation messages: <c>Pod</c>, <c>DaemonSet.apps</c>.</summary>
    public string GroupKind => Group.Length == 0 ? Kind : $"{Kind}.{Group}";

    public string GroupVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>The kind of a list of them.</summary>
    public string ListKind { get => field ?? Kind + "List"; init; }

    public bool HasStatus => Subresources.Contains("status");
}

/// <summary>Checks an object; <paramref name="old"/> is null on create.</summary>
internal delegate void ObjectValidator(JsonObject current, JsonObject? old, FieldErrors errors);

/// <summary>Which names an object may have.</summary>
internal enum NameRule
{
    /// <summary>RFC 1123 subdomain, up to 253 characters.</summary>
    Subdomain,

    /// <summary>RFC 1123 label, up to 63 characters.</summary>
    Label,

    /// <summary>RFC 1035 label: it also begins with a letter, as the name of a service does.</summary>
    ServiceLabel,

    /// <summary>Anything that can stand in a path.</summary>
    PathSegment,
}
