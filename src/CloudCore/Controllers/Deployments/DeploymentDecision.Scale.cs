using System.Globalization;

namespace EdgeSync.CloudCore.Controllers.Deployments;

/// <content>A change of the number of replicas, also while a rollout is under way or paused.</content>
internal sealed partial class DeploymentDecision
{
    // what the ReplicaSets were last scaled for is not what is asked now
    private bool IsBeingScaled() => All.Any(set => set.Replicas > 0
        && set.Annotations.TryGetValue(DeploymentAnnotations.DesiredReplicas, out var text)
        && int.TryParse(text, CultureInfo.InvariantCulture, out var desired) && desired != _desired);

    private void Scale()
    {
        var active = All.Where(set => set.Replicas > 0).ToList();
        if (active.Count <= 1)
        {
            if ((active.Count == 1 ? active[0] : _new ?? _old.LastOrDefault()) is { } only)
            {
                ScaleTo(only, _desired);
            }
        }
        else if (_new is { } current && IsSaturated(current))
        {
            _old.FindAll(set => set.Replicas > 0).ForEach(set => ScaleTo(set, 0));
        }
        else if (!Recreates)
        {
            ScaleInProportion(active);
        }
    }

    private bool IsSaturated(OwnedReplicaSet current) =>
        current.Replicas == _desired && current.Status.AvailableReplicas == _desired
        && current.Annotations.GetValueOrDefault(DeploymentAnnotations.DesiredReplicas) == Text(_desired);

    // each grows or shrinks by its share; the largest takes what rounding leaves
    private void ScaleInProportion(List<OwnedReplicaSet> active)
    {
        var allowed = _desired > 0 ? _desired + _maxSurge : 0;
        var toAdd = allowed - active.Sum(set => set.Replicas);
        active = toAdd > 0
            ? [.. active.OrderByDescending(set => set.Replicas).ThenByDescending(set => set.Created)]
            : [.. active.OrderByDescending(set => set.Replicas).ThenBy(set => set.Created)];
        var sizes = new int[active.Count];
        var added = 0;
        for (var i = 0; i < active.Count; i++)
        {
            sizes[i] = active[i].Replicas;
            if (toAdd != 0 && toAdd != added)
            {
                var share = Share(active[i]);
                var left = toAdd - added;
                share = toAdd > 0 ? Math.Min(share, left) : Math.Max(share, left);
                sizes[i] += share;
                added += share;
            }
        }

        sizes[0] = Math.Max(0, sizes[0] + toAdd - added);
        for (var i = 0; i < active.Count; i++)
        {
            ScaleTo(active[i], sizes[i]);
        }
    }

    private int Share(OwnedReplicaSet set)
    {
        if (_desired == 0)
        {
            return -set.Replicas;
        }

        var before = set.Annotations.TryGetValue(DeploymentAnnotations.MaxReplicas, out var text) && int.TryParse(text, CultureInfo.InvariantCulture, out var most) && most > 0
            ? most
            : _deployment.Status?.Replicas ?? 0;
        return before == 0 ? 0 : (int)Math.Round((double)set.Replicas * (_desired + _maxSurge) / before, MidpointRounding.AwayFromZero) - set.Replicas;
    }
}
