namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>For one pod that is to be placed: how its topology spread constraints of kind DoNotSchedule stand.</summary>
internal sealed class SpreadCounts
{
    private readonly SchedulingPod _pod;
    private readonly List<SpreadConstraint> _constraints;

    // for each constraint the domains there are, with the pods that count
    private readonly Dictionary<string, int>[] _domains;

    public SpreadCounts(SchedulingPod pod, SchedulingSnapshot snapshot)
    {
        _pod = pod;
        _constraints = [.. pod.Spread.Where(constraint => constraint.WhenUnsatisfiable is null or "" or "DoNotSchedule")];
        _domains = [.. _constraints.Select(_ => new Dictionary<string, int>())];
        if (_constraints.Count == 0)
        {
            return;
        }

        foreach (var load in snapshot.Nodes)
        {
            for (var i = 0; i < _constraints.Count; i++)
            {
                if (DomainOf(i, load.Node) is { } domain)
                {
                    _domains[i].TryAdd(domain, 0);
                    _domains[i][domain] += load.Pods.Count(other => _constraints[i].Counts(pod, other));
                }
            }
        }
    }

    /// <summary>A pod comes to a node (1) or leaves it (-1).</summary>
    public void Count(SchedulingPod other, SchedulingNode node, int sign)
    {
        for (var i = 0; i < _constraints.Count; i++)
        {
            if (DomainOf(i, node) is { } domain && _domains[i].ContainsKey(domain) && _constraints[i].Counts(_pod, other))
            {
                _domains[i][domain] += sign;
            }
        }
    }

    /// <summary>Why the pod cannot be on the node; null where it can.</summary>
    public FilterVerdict? Judge(SchedulingNode node)
    {
        for (var i = 0; i < _constraints.Count; i++)
        {
            var constraint = _constraints[i];
            if (!node.Labels.TryGetValue(constraint.TopologyKey, out var domain))
            {
                return new FilterVerdict("node(s) didn't match pod topology spread constraints (missing required label)", Resolvable: false);
            }

            var fewest = _domains[i].Count < (constraint.MinDomains ?? 1) || _domains[i].Count == 0 ? 0 : _domains[i].Values.Min();
            var itself = constraint.Fits(_pod, _pod.Labels) ? 1 : 0;
            if (_domains[i].GetValueOrDefault(domain) + itself - fewest > constraint.MaxSkew)
            {
                return new FilterVerdict("node(s) didn't match pod topology spread constraints", Resolvable: true);
            }
        }

        return null;
    }

    // null for a node that does not count: one on which the pod cannot be, by the constraint's own rules, or one that lacks a key
    private string? DomainOf(int constraint, SchedulingNode node)
    {
        var (affinity, taints) = (_constraints[constraint].NodeAffinityPolicy, _constraints[constraint].NodeTaintsPolicy);
        if (!_constraints.TrueForAll(other => node.Labels.ContainsKey(other.TopologyKey))
            || (affinity != "Ignore" && !NodeFit.Selects(_pod, node))
            || (taints == "Honor" && NodeFit.Untolerated(_pod, node) is not null))
        {
            return null;
        }

        return node.Labels[_constraints[constraint].TopologyKey];
    }
}
