namespace EdgeSync.CloudCore.Controllers.DaemonSets;

/// <content>The rolling update.</content>
internal sealed partial class DaemonSetDecision
{
    private void RollOut()
    {
        _away.UnionWith(_state.Nodes.Where(node => !node.IsReady).Select(node => node.Name));
        var online = _state.Nodes.Where(node => (node.IsReady || _state.CountsOffline) && _verdicts[node.Name].ShouldContinue).Select(node => node.Name).ToList();
        if (_maxSurge == 0)
        {
            ReplaceInPlace(online);
        }
        else
        {
            Surge(online);
        }
    }

    // deletes as many old pods as may be missing; the next look finds the nodes empty and makes new ones
    private void ReplaceInPlace(List<string> nodes)
    {
        var unavailable = 0;
        var candidates = new List<PodFacts>();
        foreach (var node in nodes)
        {
            var (current, old) = AliveOn(node);
            if (old is null)
            {
                unavailable += IsMissingOrUnavailable(node, current) ? 1 : 0;
            }
            else if (current is not null || !Serves(old))
            {
                // it serves nobody, so replacing it costs nothing; but the node counts as one without
                unavailable++;
                Delete([old]);
            }
            else
            {
                candidates.Add(old);
            }
        }

        Delete(candidates.Take(Math.Max(0, _maxUnavailable - unavailable)));
    }

    // makes new pods beside the old ones; the old one goes when its new one is available (RemoveSurplus)
    private void Surge(List<string> nodes)
    {
        var surging = 0;
        var candidates = new List<DaemonPodPlace>();
        foreach (var node in nodes)
        {
            var (current, old) = AliveOn(node);
            if (old is null)
            {
                continue;
            }

            if (current is not null)
            {
                surging += Serves(current) ? 0 : 1;
            }
            else if (!Serves(old))
            {
                _create.Add(new DaemonPodPlace(node, old.Uid));
            }
            else
            {
                candidates.Add(new DaemonPodPlace(node, old.Uid));
            }
        }

        _create.AddRange(candidates.Take(Math.Max(0, _maxSurge - surging)));
    }

    // what a node that is away last said of its pod is no service; where such nodes are left alone it is not asked
    private bool Serves(PodFacts pod) => !_away.Contains(pod.NodeName) && IsAvailable(pod);

    private bool IsMissingOrUnavailable(string node, PodFacts? current) =>
        current is null ? _verdicts[node].ShouldRun : !Serves(current);

    private (PodFacts? Current, PodFacts? Old) AliveOn(string node)
    {
        // one that this plan deletes already is as good as gone
        var alive = InOrderOfKeeping(PodsOn(node).Where(pod => pod is { IsDeleting: false, IsTerminal: false } && !_delete.ContainsKey(pod.Uid)));
        return (alive.FirstOrDefault(IsCurrent), alive.FirstOrDefault(pod => !IsCurrent(pod)));
    }
}
