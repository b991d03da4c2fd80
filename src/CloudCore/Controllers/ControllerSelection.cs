using System.Collections.Immutable;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// Which controllers run, from a list as kube-controller-manager's <c>--controllers</c> takes it: <c>*</c> for all, <c>foo</c> for one,
/// <c>-foo</c> for all but one; of items that speak of the same controller the first counts. Two things beyond that: <c>workloads</c> stands
/// for all workload controllers and the scheduler, and a list that only leaves out (<c>-foo</c>) leaves out of all.
/// </summary>
internal sealed class ControllerSelection
{
    private readonly ImmutableHashSet<ControllerName> _selected;

    private ControllerSelection(IEnumerable<ControllerName> selected) => _selected = [.. selected];

    public static ControllerSelection All { get; } = new(KnownControllers.All);

    public static ControllerSelection None { get; } = new([]);

    /// <summary>What the embedded API does itself, and nothing beside it.</summary>
    public static ControllerSelection OfEmbeddedApi { get; } = new(KnownControllers.All.Where(c => c.IsOfEmbeddedApi));

    /// <summary>Whether any controller runs that works through the API, as on a real cluster.</summary>
    public bool HasAnyOutsideApi => _selected.Any(c => !c.IsOfEmbeddedApi);

    public bool Has(ControllerName controller) => _selected.Contains(controller);

    /// <summary>The controllers that a list names; its items have been checked by <see cref="Problem"/>.</summary>
    public static ControllerSelection Of(IReadOnlyList<string> items)
    {
        var named = items.Where(i => i.Length > 0).ToArray();
        var all = named.Contains("*") || (named.Length > 0 && named.All(i => i[0] == '-'));
        return new ControllerSelection(KnownControllers.All.Where(c => IsSelected(c, named, all)));
    }

    /// <summary>What is wrong with a list, and what it may hold; null where nothing is.</summary>
    /// <param name="items">The list.</param>
    /// <param name="embedded">Whether the embedded API is served, which some controllers are a part of.</param>
    public static string? Problem(IReadOnlyList<string> items, bool embedded)
    {
        foreach (var item in items.Where(i => i.Length > 0 && i is not ("*" or "-*")))
        {
            var name = item.TrimStart('-');
            if (name == KnownControllers.Workloads && item.Length - name.Length <= 1)
            {
                continue;
            }

            if (item.Length - name.Length > 1 || KnownControllers.All.FirstOrDefault(c => IsNamed(c, name)) is not { } controller)
            {
                return $"\"{item}\" is not a controller of cloudcore; {Choice}";
            }

            if (controller.IsOfEmbeddedApi && !embedded && item[0] != '-')
            {
                return $"\"{item}\" is a part of the embedded API; on a real cluster its own controller manager does that";
            }
        }

        return null;
    }

    /// <summary>What a list may hold, for messages and <c>--help</c>.</summary>
    public static string Choice =>
        $"there are {string.Join(", ", KnownControllers.All.Select(c => c.Name))}; * stands for all, {KnownControllers.Workloads} for "
        + $"{string.Join(", ", KnownControllers.All.Where(c => c.IsWorkload).Select(c => c.Name))}, and a - before a name leaves it out";

    private static bool IsSelected(ControllerName controller, string[] items, bool all)
    {
        foreach (var item in items)
        {
            if (item == "-*")
            {
                return false;
            }

            var leavesOut = item[0] == '-';
            var name = leavesOut ? item[1..] : item;
            if (IsNamed(controller, name) || (name == KnownControllers.Workloads && controller.IsWorkload))
            {
                return !leavesOut;
            }
        }

        return all;
    }

    private static bool IsNamed(ControllerName controller, string name) => name == controller.Name || name == controller.LongName;
}
