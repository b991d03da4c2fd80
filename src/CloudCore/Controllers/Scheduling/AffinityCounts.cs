namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>
/// For one pod that is to be placed: how many pods are where that it wants to be near to or must be away from, by its own rules and by
/// theirs. Counted once, and corrected as pods are added or taken away.
/// </summary>
internal sealed class AffinityCounts
{
    private readonly SchedulingPod _pod;
    private readonly SchedulingSnapshot _snapshot;
    private readonly IReadOnlyList<PodAffinityTerm> _near;
    private readonly IReadOnlyList<PodAffinityTerm> _away;

    // (topology key, value) → pods; the last two by the term's place too
    private readonly Dictionary<(string Key, string Value), int> _repelled = [];
    private readonly Dictionary<(int Term, string Value), int> _nearby = [];
    private readonly Dictionary<(int Term, string Value), int> _unwanted = [];

    public AffinityCounts(SchedulingPod pod, SchedulingSnapshot snapshot)
    {
        _pod = pod;
        _snapshot = snapshot;
        _near = pod.Affinity?.PodAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [];
        _away = pod.Affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [];
        if (_near.Count + _away.Count == 0 && !snapshot.HasPodsWithRules)
        {
            return;
        }

        foreach (var load in snapshot.Nodes)
        {
            foreach (var other in load.Pods)
            {
                Count(other, load.Node, 1);
            }
        }
    }

    /// <summary>A pod comes to a node (1) or leaves it (-1).</summary>
    public void Count(SchedulingPod other, SchedulingNode node, int sign)
    {
        foreach (var term in other.Affinity?.PodAntiAffinity?.RequiredDuringSchedulingIgnoredDuringExecution ?? [])
        {
            if (node.Labels.TryGetValue(term.TopologyKey, out var value) && term.Means(other, _pod, _snapshot))
            {
                Add(_repelled, (term.TopologyKey, value), sign);
            }
        }

        // a pod counts as near only where it is one that all terms want
        if (_near.Count > 0 && _near.All(term => term.Means(_pod, other, _snapshot)))
        {
            CountTerms(_near, _nearby, node, sign, _ => true);
        }

        CountTerms(_away, _unwanted, node, sign, term => term.Means(_pod, other, _snapshot));
    }

    /// <summary>Why the pod cannot be on the node; null where it can.</summary>
    public FilterVerdict? Judge(SchedulingNode node)
    {
        if (!IsNear(node))
        {
            return new FilterVerdict("node(s) didn't match pod affinity rules", Resolvable: false);
        }

        for (var i = 0; i < _away.Count; i++)
        {
            if (node.Labels.TryGetValue(_away[i].TopologyKey, out var value) && _unwanted.GetValueOrDefault((i, value)) > 0)
            {
                return new FilterVerdict("node(s) didn't match pod anti-affinity rules", Resolvable: true);
            }
        }

        return _repelled.Any(pair => pair.Value > 0 && node.Labels.TryGetValue(pair.Key.Key, out var value) && value == pair.Key.Value)
            ? new FilterVerdict("node(s) didn't satisfy existing pods anti-affinity rules", Resolvable: true)
            : null;
    }

    private bool IsNear(SchedulingNode node)
    {
        var all = true;
        for (var i = 0; i < _near.Count; i++)
        {
            if (!node.Labels.TryGetValue(_near[i].TopologyKey, out var value))
            {
                return false;
            }

            all &= _nearby.GetValueOrDefault((i, value)) > 0;
        }

        // the first of a set of pods that want to be near each other has nobody to be near to
        return all || (_nearby.Values.All(count => count == 0) && _near.All(term => term.Means(_pod, _pod, _snapshot)));
    }

    private static void CountTerms(
        IReadOnlyList<PodAffinityTerm> terms, Dictionary<(int Term, string Value), int> counts, SchedulingNode node, int sign, Func<PodAffinityTerm, bool> fits)
    {
        for (var i = 0; i < terms.Count; i++)
        {
            if (node.Labels.TryGetValue(terms[i].TopologyKey, out var value) && fits(terms[i]))
            {
                Add(counts, (i, value), sign);
            }
        }
    }

    private static void Add<TKey>(Dictionary<TKey, int> counts, TKey key, int sign)
        where TKey : notnull => counts[key] = counts.GetValueOrDefault(key) + sign;
}
