using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;

namespace EdgeSync.CloudCore.EmbeddedApi.ManagedFields;

/// <summary>
/// Keeps metadata.managedFields true through creates, updates and patches: who changed a field owns it, alone. It lies on
/// the way of every write, so the usual one, which changes fields that its writer owns already, is told from the bytes of
/// the list and only gets a new time.
/// </summary>
internal static class FieldTracking
{
    private static readonly string[] s_serverOwned =
        ["name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields", "resourceVersion"];

    /// <summary>Writes the managers of a new object into it.</summary>
    public static void Create(WriteContext context, JsonObject created, string now)
    {
        if (context.IsApplied)
        {
            return;
        }

        var given = Given(created);
        var managers = given is null ? new FieldManagers() : FieldManagers.TryRead(given) ?? new FieldManagers();
        created.ObjectOrNew("metadata").Remove("managedFields");
        Change(context, created, managers, Compare(context, "", [], created), now);
    }

    /// <summary>Writes the managers of a changed object into it.</summary>
    /// <param name="context">Who writes what.</param>
    /// <param name="subresource">The part that is written; empty for all but the status.</param>
    /// <param name="stored">The version before.</param>
    /// <param name="before">The same, as a tree.</param>
    /// <param name="after">The version to be stored; its managedFields are what the caller sent, or those before.</param>
    /// <param name="wanted">What the caller made; the same as <paramref name="after"/> where all of it is written.</param>
    /// <param name="now">The time of the change.</param>
    public static void Update(
        WriteContext context, string subresource, StoredObject stored, JsonObject before, JsonObject after, JsonObject wanted, string now)
    {
        if (context.IsApplied)
        {
            after.ObjectOrNew("metadata").SetOrRemove("managedFields", Given(wanted));
            return;
        }

        var live = Given(before);
        var sent = subresource.Length > 0 ? null : Given(after);
        if (sent is not null && !JsonNode.DeepEquals(sent, live))
        {
            var managers = IsReset(sent) ? new FieldManagers() : FieldManagers.TryRead(sent);
            if (managers is null or { IsEmpty: true } && !IsReset(sent))
            {
                managers = FieldManagers.TryRead(live) ?? new FieldManagers();
            }

            after.Object("metadata")!.Remove("managedFields");
            if (managers is { IsEmpty: false })
            {
                Change(context, after, managers, Compare(context, subresource, before, after), now);
            }

            return;
        }

        var metadata = after.ObjectOrNew("metadata");
        if (live is not JsonArray { Count: > 0 })
        {
            // never tracked, or reset: tracking begins with the first apply
            metadata.Remove("managedFields");
            return;
        }

        var comparison = Compare(context, subresource, before, after);
        if (metadata["managedFields"] is null)
        {
            metadata["managedFields"] = live.DeepClone();
        }

        if (comparison.IsSame)
        {
            return;
        }

        Strip(comparison.Changed);
        if (comparison.Removed.IsEmpty && EntryThatOwnsAll(context, stored, comparison.Changed) is { } index)
        {
            metadata.List("managedFields")![index]!["time"] = now;
            return;
        }

        Change(context, after, FieldManagers.OfStored(live), comparison, now);
    }

    /// <summary>The fields that a write through a subresource is about.</summary>
    public static Func<string, bool> Scope(ResourceDescriptor resource, string subresource) => subresource switch
    {
        "" => name => name is not ("apiVersion" or "kind") && !(name == "status" && resource.HasStatus),
        "status" => name => name == "status" || (name == "metadata" && resource.Definition is null),
        _ => name => name is not ("apiVersion" or "kind"),
    };

    /// <summary>Takes out what nobody owns, since it is the object's identity or the server's.</summary>
    public static void Strip(FieldSet fields)
    {
        fields.RemoveBelow("f:apiVersion");
        fields.RemoveBelow("f:kind");
        foreach (var name in s_serverOwned)
        {
            fields.RemoveBelow("f:metadata", FieldElement.OfField(name));
        }

        fields.RemoveMember("f:metadata");
    }

    private static FieldComparison Compare(WriteContext context, string subresource, JsonObject before, JsonObject after) =>
        FieldComparison.Of(before, after, FieldPlace.Root(context.Resource.Schema), Scope(context.Resource, subresource));

    private static void Change(WriteContext context, JsonObject after, FieldManagers managers, FieldComparison comparison, string now)
    {
        var self = new FieldManager(context.Manager, false, context.Resource.GroupVersion, context.Subresource);
        var gained = comparison.Changed;
        Strip(gained);
        managers.Take(gained, self);
        managers.Take(comparison.Removed, self);
        var owned = (managers.Of(self) ?? new FieldSet()).Difference(comparison.Removed).Union(gained);
        managers.Set(self, owned, context.Resource.GroupVersion, gained.IsEmpty ? null : now);
        managers.Cap();
        after.ObjectOrNew("metadata").SetOrRemove("managedFields", managers.ToJson());
    }

    /// <summary>
    /// The place of this writer's entry in the list, where it has all the fields and nobody else has any; otherwise null.
    /// </summary>
    private static int? EntryThatOwnsAll(WriteContext context, StoredObject stored, FieldSet wanted)
    {
        if (wanted.IsEmpty)
        {
            return null;
        }

        var count = wanted.Count();
        var reader = new Utf8JsonReader(stored.Json, new JsonReaderOptions { MaxDepth = JsonFormat.MaxDepth });
        if (!Enter(ref reader, "metadata"u8) || !Enter(ref reader, "managedFields"u8))
        {
            return null;
        }

        int? own = null;
        for (var index = 0; reader.Read() && reader.TokenType == JsonTokenType.StartObject; index++)
        {
            var (isOwn, found) = ReadEntry(ref reader, context, wanted);
            if (isOwn && found == count)
            {
                own = index;
            }
            else if (found > 0)
            {
                return null;
            }
        }

        return own;
    }

    private static (bool IsOwn, int Found) ReadEntry(ref Utf8JsonReader reader, WriteContext context, FieldSet wanted)
    {
        var matches = context.Subresource.Length == 0 ? 1 : 0;
        var differs = false;
        var found = 0;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("fieldsV1"u8))
            {
                reader.Read();
                found = wanted.CountIn(ref reader);
                continue;
            }

            var expected = reader.ValueTextEquals("manager"u8) ? context.Manager
                : reader.ValueTextEquals("operation"u8) ? "Update"
                : reader.ValueTextEquals("apiVersion"u8) ? context.Resource.GroupVersion
                : reader.ValueTextEquals("subresource"u8) ? context.Subresource
                : null;
            reader.Read();
            if (expected is null)
            {
                reader.Skip();
            }
            else if (reader.ValueTextEquals(expected))
            {
                matches++;
            }
            else
            {
                differs = true;
            }
        }

        return (!differs && matches == 4, found);
    }

    private static bool Enter(ref Utf8JsonReader reader, ReadOnlySpan<byte> member)
    {
        if (reader.TokenType == JsonTokenType.None)
        {
            reader.Read();
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals(member))
            {
                return reader.Read();
            }

            reader.Skip();
        }

        return false;
    }

    private static JsonNode? Given(JsonObject node) => node.Object("metadata")?["managedFields"];

    /// <summary>An empty list, or one with one empty entry, is the wish to forget all owners.</summary>
    private static bool IsReset(JsonNode sent) =>
        sent is JsonArray { Count: 0 } || (sent is JsonArray { Count: 1 } list && list[0] is JsonObject { Count: 0 });
}
