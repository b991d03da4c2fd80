using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;

/// <summary>
/// Gives the names of one group to the definitions that ask for them: whoever has a name keeps it, the next one that wants it is
/// told so in its condition NamesAccepted, and gets it when it is free.
/// </summary>
internal sealed class DefinitionNames
{
    private readonly Dictionary<string, HashSet<string>> _resources = [];
    private readonly Dictionary<string, HashSet<string>> _kinds = [];

    /// <summary>Notes what a definition holds.</summary>
    public void Hold(JsonObject definition)
    {
        var group = Group(definition);
        var accepted = definition.Object("status")?.Object("acceptedNames") ?? [];
        var resources = Of(_resources, group);
        resources.Add(accepted.Text("plural") ?? "");
        resources.Add(accepted.Text("singular") ?? "");
        resources.UnionWith(Texts(accepted, "shortNames"));
        Of(_kinds, group).UnionWith([accepted.Text("kind") ?? "", accepted.Text("listKind") ?? ""]);
    }

    /// <summary>Writes names and conditions into the definition's status; false where they were so already.</summary>
    /// <param name="definition">The definition.</param>
    /// <param name="problem">Why it cannot be served; null where it can.</param>
    /// <param name="now">The time of conditions that change.</param>
    public bool Settle(JsonObject definition, string? problem, string now)
    {
        var wanted = definition.ObjectOrNew("spec").ObjectOrNew("names");
        var held = definition.ObjectOrNew("status").ObjectOrNew("acceptedNames");
        var next = (JsonObject)held.DeepClone();
        var resources = Of(_resources, Group(definition));
        var kinds = Of(_kinds, Group(definition));
        var conflict = ("", "");
        Take("plural", resources, "PluralConflict");
        Take("singular", resources, "SingularConflict");
        TakeShortNames();
        Take("kind", kinds, "KindConflict");
        Take("listKind", kinds, "ListKindConflict");
        next.SetOrRemove("categories", wanted.List("categories")?.DeepClone());

        var changed = !JsonNode.DeepEquals(held, next);
        definition.ObjectOrNew("status")["acceptedNames"] = next;
        Hold(definition);
        var accepted = conflict.Item1.Length == 0;
        changed |= accepted
            ? DefinitionConditions.Set(definition, DefinitionConditions.NamesAccepted, true, "NoConflicts", "no conflicts found", now)
            : DefinitionConditions.Set(definition, DefinitionConditions.NamesAccepted, false, conflict.Item1, conflict.Item2, now);
        if (problem is not null)
        {
            changed |= DefinitionConditions.Set(definition, DefinitionConditions.Established, false, "Unreadable", problem, now);
        }
        else if (!DefinitionConditions.IsTrue(definition, DefinitionConditions.Established))
        {
            changed |= accepted
                ? DefinitionConditions.Set(definition, DefinitionConditions.Established, true, "InitialNamesAccepted", "the initial names have been accepted", now)
                : DefinitionConditions.Set(definition, DefinitionConditions.Established, false, "NotAccepted", "not all names are accepted", now);
        }

        return changed;

        void Take(string member, HashSet<string> used, string reason)
        {
            var name = wanted.Text(member) ?? "";
            if (name != (held.Text(member) ?? "") && used.Contains(name))
            {
                conflict = (reason, $"\"{name}\" is already in use");
                return;
            }

            next.SetOrRemove(member, name.Length == 0 ? null : name);
        }

        void TakeShortNames()
        {
            var ours = Texts(held, "shortNames");
            var taken = Texts(wanted, "shortNames").Where(n => !ours.Contains(n) && resources.Contains(n)).ToList();
            if (taken.Count > 0)
            {
                var messages = taken.Select(n => $"\"{n}\" is already in use").ToList();
                conflict = ("ShortNamesConflict", messages.Count == 1 ? messages[0] : $"[{string.Join(", ", messages)}]");
                return;
            }

            next.SetOrRemove("shortNames", wanted.List("shortNames")?.DeepClone());
        }
    }

    private static string Group(JsonObject definition) => definition.Object("spec")?.Text("group") ?? "";

    private static List<string> Texts(JsonObject names, string member) =>
        [.. (names.List(member) ?? []).Select(n => n.AsText() ?? "").Where(n => n.Length > 0)];

    private static HashSet<string> Of(Dictionary<string, HashSet<string>> names, string group)
    {
        if (!names.TryGetValue(group, out var set))
        {
            names[group] = set = [];
        }

        return set;
    }
}
