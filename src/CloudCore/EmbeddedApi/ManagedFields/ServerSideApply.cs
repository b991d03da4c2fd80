using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>
/// Server-side apply: the applied object is merged into what is there; fields that the same manager applied last time and
/// does not apply any more go, unless somebody else owns them; fields of others are a conflict, or are taken by force.
/// </summary>
internal sealed class ServerSideApply
{
    private const string LastApplied = "kubectl.kubernetes.io/last-applied-configuration";
    private const string MigratingManager = "kubectl";
    private const string BeforeFirstApply = "before-first-apply";

    private readonly WriteContext _context;
    private readonly string _subresource;
    private readonly JsonObject _applied;
    private readonly bool _force;
    private readonly FieldPlace _place;
    private readonly FieldManager _self;

    /// <param name="context">Who applies what.</param>
    /// <param name="subresource">The part that is written; empty for all but the status.</param>
    /// <param name="applied">What is applied; it is not changed.</param>
    /// <param name="force">Whether fields of others are taken.</param>
    /// <exception cref="ApiException">400 where the object is not one of this kind, or has what nobody may apply.</exception>
    public ServerSideApply(WriteContext context, string subresource, JsonObject applied, bool force)
    {
        _context = context;
        _subresource = subresource;
        _force = force;
        _place = FieldPlace.Root(context.Resource.Schema);
        _self = new FieldManager(context.Manager, true, "", context.Subresource);
        _applied = Check((JsonObject)applied.DeepClone());
    }

    /// <summary>The object to be created where there is none.</summary>
    /// <exception cref="ApiException">409 where a certain one is meant, which is not there.</exception>
    public JsonObject Create(string now) => _applied.Object("metadata")!.Text("uid") is { Length: > 0 } uid
        ? throw ApiException.Conflict(
            _context.Resource, _context.Key.Name, $"uid mismatch: the provided object specified uid {uid}, and no existing object was found")
        : To(null, now);

    /// <summary>The object to be stored, with its managers.</summary>
    /// <param name="present">What is there, with its managers; null creates.</param>
    /// <param name="now">The time of the change.</param>
    /// <exception cref="ApiException">409 where others own fields that would change.</exception>
    public JsonObject To(JsonObject? present, string now)
    {
        var live = (JsonObject?)present?.DeepClone() ?? [];
        var managers = FieldManagers.TryRead(live.Object("metadata")?["managedFields"]) ?? new FieldManagers();
        live.Object("metadata")?.Remove("managedFields");
        if (managers.IsEmpty && present is not null)
        {
            var unowned = Compare([], live).Changed;
            FieldTracking.Strip(unowned);
            managers.Set(_self with { Name = BeforeFirstApply, Applies = false, ApiVersion = Version }, unowned, Version, now);
        }

        var last = managers.Of(_self);
        var fields = Fields(_applied, allowDuplicates: false);
        managers.Set(_self, fields, Version, null);
        var next = Prune(FieldMerge.Merge(live, _applied, _place), managers, last);
        var comparison = Compare(live, next);
        if (!_force)
        {
            CheckConflicts(managers, comparison.Changed, live);
        }

        managers.Take(comparison.Changed, _self);
        managers.Take(comparison.Removed, _self);
        FieldTracking.Strip(fields);
        var changed = present is null || !JsonNode.DeepEquals(live, next);
        managers.Set(_self, fields, Version, changed || last is null ? now : null);
        RewriteLastApplied(next);
        next.ObjectOrNew("metadata").SetOrRemove("managedFields", managers.ToJson());
        return next;
    }

    private string Version => _context.Resource.GroupVersion;

    private JsonObject Check(JsonObject applied)
    {
        var resource = _context.Resource;
        var version = applied.Text("apiVersion") ?? "";
        if (applied.Text("kind") is null or "")
        {
            throw ApiException.BadRequest("Object 'Kind' is missing in the apply patch");
        }

        if (version != resource.GroupVersion)
        {
            throw ApiException.BadRequest(
                $"Incorrect version specified in apply patch. Specified patch version: {version}, expected: {resource.GroupVersion}");
        }

        _context.CheckKind(applied);
        var metadata = applied.Object("metadata")!;
        metadata.SetDefault("name", _context.Key.Name);
        if (metadata.Text("name") is var name && name != _context.Key.Name)
        {
            throw ApiException.BadRequest($"the name of the object ({name}) does not match the name on the URL ({_context.Key.Name})");
        }

        if (metadata["managedFields"] is not null)
        {
            throw ApiException.BadRequest("metadata.managedFields must be nil");
        }

        var unknown = UnknownFields(resource, applied);
        if (unknown.Count > 0)
        {
            throw Untyped(string.Join("\n", unknown.Select(f => $".{f}: field not declared in schema")));
        }

        // an empty time is how Go writes none
        metadata.Remove("creationTimestamp");
        try
        {
            _ = AppliedFields.Of(applied, _place, allowDuplicates: false);
        }
        catch (FormatException e)
        {
            throw Untyped(e.Message);
        }

        return applied;
    }

    private static IReadOnlyList<string> UnknownFields(ResourceDescriptor resource, JsonObject applied)
    {
        if (resource.Conform is { } conform)
        {
            // it also brings defaults, which nobody applied
            return conform((JsonObject)applied.DeepClone());
        }

        if (resource.Schema is not { } schema)
        {
            return [];
        }

        var conformance = new Conformance(resource.Kind, resource.Version);
        conformance.Apply(applied, schema);
        return conformance.UnknownFields;
    }

    private ApiException Untyped(string why)
    {
        var key = _context.Key;
        return ApiException.BadRequest(
            $"failed to create typed patch object ({key.Namespace}/{key.Name}; {Version}, Kind={_context.Resource.Kind}): "
            + (why.Contains('\n', StringComparison.Ordinal) ? "errors:\n  " + why.Replace("\n", "\n  ", StringComparison.Ordinal) : why));
    }

    private FieldComparison Compare(JsonObject before, JsonObject after) =>
        FieldComparison.Of(before, after, _place, FieldTracking.Scope(_context.Resource, _subresource));

    private FieldSet Fields(JsonObject node, bool allowDuplicates)
    {
        var set = AppliedFields.Of(node, _place, allowDuplicates);
        var scope = FieldTracking.Scope(_context.Resource, _subresource);
        foreach (var element in set.Children.Select(c => c.Key).Where(e => !scope(e[2..])).ToList())
        {
            set.RemoveBelow(element);
        }

        return set;
    }

    /// <summary>Takes out what was applied last time only, and nobody else owns.</summary>
    private JsonObject Prune(JsonObject merged, FieldManagers managers, FieldSet? last)
    {
        if (last is null or { IsEmpty: true })
        {
            return merged;
        }

        var lastNamed = FieldRemoval.WithNamedFields(last, _place);
        var managed = managers.All.Aggregate(new FieldSet(), (all, manager) => all.Union(managers.Of(manager)!));
        var pruned = FieldRemoval.Remove(merged, lastNamed, _place);
        var has = Named(merged);
        pruned = FieldRemoval.Remove(
            merged, has.Difference(Named(pruned).Union(FieldRemoval.WithNamedFields(managed, _place))), _place);

        // only what was this manager's may go
        return FieldRemoval.Remove(merged, has.Difference(Named(pruned)).Intersection(lastNamed), _place);
    }

    private FieldSet Named(JsonObject node) =>
        FieldRemoval.WithNamedFields(AppliedFields.Of(node, _place, allowDuplicates: true), _place);

    private void CheckConflicts(FieldManagers managers, FieldSet changed, JsonObject live)
    {
        var conflicts = managers.Others(_self)
            .Select(o => (Manager: o.Manager.ToString(), Fields: o.Fields.Intersection(changed)))
            .Where(c => !c.Fields.IsEmpty).OrderBy(c => c.Manager, StringComparer.Ordinal)
            .SelectMany(c => c.Fields.Paths().Select(p => (c.Manager, Path: (IReadOnlyList<string>)[.. p]))).ToList();
        if (conflicts.Count > 0 && _context.Manager == MigratingManager && FieldsOfClientSideApply(live) is { } allowed)
        {
            conflicts = [.. conflicts.Where(c => !Has(allowed, c.Path))];
        }

        if (conflicts.Count > 0)
        {
            throw Conflict([.. conflicts.Select(c => (c.Manager, FieldElement.Describe(c.Path)))]);
        }
    }

    private static bool Has(FieldSet set, IReadOnlyList<string> path)
    {
        var node = set;
        foreach (var element in path)
        {
            if (node.Child(element) is not { } child)
            {
                return false;
            }

            node = child;
        }

        return node.IsMember;
    }

    private static ApiException Conflict(List<(string Manager, string Path)> conflicts)
    {
        var message = conflicts is [var one]
            ? $"Apply failed with 1 conflict: conflict with {one.Manager}: {one.Path}"
            : FormattableString.Invariant($"Apply failed with {conflicts.Count} conflicts: ") + string.Join('\n', conflicts
                .GroupBy(c => c.Manager)
                .SelectMany(g => g.Select(c => $"- {c.Path}").Prepend($"conflicts with {g.Key}:")));
        return new ApiException(StatusReason.Conflict, message, new StatusDetails
        {
            Causes =
            [
                .. conflicts.Select(c => new StatusCause
                {
                    Reason = "FieldManagerConflict", Message = $"conflict with {c.Manager}", Field = c.Path,
                }),
            ],
        });
    }

    /// <summary>
    /// What kubectl applied from the client's side and is still as it was: the server-side kubectl may take it over.
    /// </summary>
    private FieldSet? FieldsOfClientSideApply(JsonObject live)
    {
        if (live.Object("metadata")?.Object("annotations")?.Text(LastApplied) is not { Length: > 0 } text)
        {
            return null;
        }

        try
        {
            if (JsonNode.Parse(text, null, JsonFormat.Reader) is not JsonObject last || last.Text("apiVersion") != Version)
            {
                return null;
            }

            var fields = AppliedFields.Of(last, _place, allowDuplicates: true);
            var comparison = FieldComparison.Of(last, live, _place, _ => true);
            return fields.Difference(comparison.Changed).Difference(comparison.Removed);
        }
        catch (JsonException)
        {
            // an annotation that is no object says nothing of what was applied
            return null;
        }
    }

    /// <summary>Where kubectl's own annotation is there, it stays true, so that a client-side apply can follow.</summary>
    private void RewriteLastApplied(JsonObject next)
    {
        if (_context.Manager != MigratingManager
            || next.Object("metadata")?.Object("annotations") is not { } annotations
            || annotations.Text(LastApplied) is null or "")
        {
            return;
        }

        var plain = (JsonObject)_applied.DeepClone();
        plain.Object("metadata")?.Object("annotations")?.Remove(LastApplied);
        annotations[LastApplied] = plain.ToJsonString() + "\n";
    }
}
