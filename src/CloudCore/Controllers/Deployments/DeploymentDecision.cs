using System.Globalization;

namespace EdgeSync.CloudCore.Controllers.Deployments;

/// <summary>
/// Decides what a Deployment needs: a pure function of its state, by the rules of Kubernetes' Deployment controller. A look takes one step
/// (makes the new ReplicaSet, scales it up, or the old ones down); the change that this is brings the next look.
/// </summary>
internal sealed partial class DeploymentDecision
{
    private readonly DeploymentState _state;
    private readonly Deployment _deployment;
    private readonly int _desired;
    private readonly int _maxSurge;
    private readonly int _maxUnavailable;

    // the one with the present template, and the others, oldest first
    private readonly OwnedReplicaSet? _new;
    private readonly List<OwnedReplicaSet> _old;

    private readonly Dictionary<string, int> _replicas = [];
    private readonly Dictionary<string, Dictionary<string, string>> _annotations = [];
    private readonly List<DeploymentCondition> _conditions;
    private readonly List<OwnedReplicaSet> _delete = [];
    private NewReplicaSet? _create;
    private string? _revision;

    private DeploymentDecision(DeploymentState state)
    {
        _state = state;
        _deployment = state.Deployment;
        _desired = _deployment.Spec.Replicas ?? 1;
        (_maxSurge, _maxUnavailable) = Limits(_deployment.Spec.Strategy, _desired);
        var sorted = state.ReplicaSets.OrderBy(set => set.Created).ThenBy(set => set.Name, StringComparer.Ordinal).ToList();
        _new = sorted.Find(set => set.Template == state.Template && !set.IsDeleting);
        _old = sorted.FindAll(set => set.Uid != _new?.Uid);
        _conditions = [.. _deployment.Status?.Conditions ?? []];
    }

    private bool Recreates => _deployment.Spec.Strategy?.Type == "Recreate";

    private IEnumerable<OwnedReplicaSet> All => _new is null ? _old : _old.Append(_new);

    public static DeploymentPlan Decide(DeploymentState state)
    {
        var decision = new DeploymentDecision(state);
        if (state.Deployment.Metadata.DeletionTimestamp is not null)
        {
            return decision.Plan(decision.CountStatus(), null);
        }

        decision.NotePause();
        if (state.Deployment.Spec.Paused || decision.IsBeingScaled())
        {
            decision.SyncRevision();
            decision.Scale();
            if (state.Deployment.Spec.Paused)
            {
                decision.TrimHistory();
            }

            return decision.Plan(decision.CountStatus(), null);
        }

        if (decision.Recreates)
        {
            decision.Recreate();
        }
        else
        {
            decision.RollOut();
        }

        var status = decision.CountStatus();
        if (decision.IsComplete(status) && decision._replicas.Count == 0 && decision._create is null)
        {
            decision.TrimHistory();
        }

        var again = decision.NoteProgress(status);
        return decision.Plan(status with { Conditions = [.. decision._conditions] }, again);
    }

    /// <summary>Surge rounded up, unavailable rounded down; one of them is at least 1. Recreate has neither.</summary>
    internal static (int MaxSurge, int MaxUnavailable) Limits(DeploymentStrategy? strategy, int desired)
    {
        if (strategy?.Type == "Recreate")
        {
            return (0, 0);
        }

        var surge = CountOrShare.Of(strategy?.RollingUpdate?.MaxSurge, 0, desired, roundUp: true);
        var unavailable = CountOrShare.Of(strategy?.RollingUpdate?.MaxUnavailable, 0, desired, roundUp: false);
        return surge == 0 && unavailable == 0 ? (0, 1) : (surge, Math.Min(unavailable, desired));
    }

    private DeploymentPlan Plan(DeploymentStatus status, TimeSpan? again) => new()
    {
        Create = _create,
        Change = [.. All.Select(Change).OfType<ReplicaSetChange>()],
        Delete = _delete,
        Revision = _revision,
        Status = status with { Conditions = [.. _conditions] },
        LookAgainAfter = again,
    };

    private ReplicaSetChange? Change(OwnedReplicaSet set)
    {
        var replicas = _replicas.TryGetValue(set.Uid, out var wanted) && wanted != set.Replicas ? wanted : (int?)null;
        var annotations = (_annotations.GetValueOrDefault(set.Uid) ?? []).Where(pair => set.Annotations.GetValueOrDefault(pair.Key) != pair.Value).ToDictionary();
        var seconds = set == _new && set.MinReadySeconds != _deployment.Spec.MinReadySeconds ? _deployment.Spec.MinReadySeconds : (int?)null;
        return replicas is null && seconds is null && annotations.Count == 0 ? null : new ReplicaSetChange(set, replicas, seconds, annotations);
    }

    private int ReplicasOf(OwnedReplicaSet set) => _replicas.GetValueOrDefault(set.Uid, set.Replicas);

    private void Annotate(OwnedReplicaSet set, string key, string value)
    {
        if (!_annotations.TryGetValue(set.Uid, out var annotations))
        {
            _annotations[set.Uid] = annotations = [];
        }

        annotations[key] = value;
    }

    private void ScaleTo(OwnedReplicaSet set, int replicas)
    {
        _replicas[set.Uid] = replicas;
        Annotate(set, DeploymentAnnotations.DesiredReplicas, Text(_desired));
        Annotate(set, DeploymentAnnotations.MaxReplicas, Text(_desired + _maxSurge));
    }

    // the new ReplicaSet has the highest number, and the Deployment's own annotations
    private void SyncRevision()
    {
        if (_new is not { } set)
        {
            return;
        }

        foreach (var (key, value) in DeploymentAnnotations.ToCopy(_deployment))
        {
            Annotate(set, key, value);
        }

        var revision = set.Revision;
        var next = NextRevision();
        if (revision < next)
        {
            Annotate(set, DeploymentAnnotations.Revision, Text(next));
            if (revision > 0)
            {
                var before = set.Annotations.GetValueOrDefault(DeploymentAnnotations.RevisionHistory);
                Annotate(set, DeploymentAnnotations.RevisionHistory, before is { Length: > 0 } ? $"{before},{Text(revision)}" : Text(revision));
            }

            revision = next;
        }

        NoteRevision(revision);
        if (Find(Progressing) is null && HasDeadline)
        {
            SetCondition(Progressing, "True", "FoundNewReplicaSet", $"Found new replica set \"{set.Name}\"");
        }
    }

    private long NextRevision() => _old.Select(set => set.Revision).DefaultIfEmpty(0).Max() + 1;

    private void NoteRevision(long revision)
    {
        if (_deployment.Metadata.Annotations?.GetValueOrDefault(DeploymentAnnotations.Revision) != Text(revision))
        {
            _revision = Text(revision);
        }
    }

    private void CreateNew()
    {
        var revision = NextRevision();
        var annotations = DeploymentAnnotations.ToCopy(_deployment).ToDictionary();
        annotations[DeploymentAnnotations.Revision] = Text(revision);
        annotations[DeploymentAnnotations.DesiredReplicas] = Text(_desired);
        annotations[DeploymentAnnotations.MaxReplicas] = Text(_desired + _maxSurge);
        _create = new NewReplicaSet(Recreates ? _desired : Math.Clamp(_desired + _maxSurge - All.Sum(ReplicasOf), 0, _desired), annotations);
        NoteRevision(revision);
    }

    private void Recreate()
    {
        SyncRevision();
        var active = _old.Where(set => set.Replicas > 0).ToList();
        active.ForEach(set => _replicas[set.Uid] = 0);
        if (active.Count > 0 || _old.Any(set => _state.WithPods.Contains(set.Uid)))
        {
            return;
        }

        if (_new is null)
        {
            CreateNew();
        }
        else if (_new.Replicas != _desired)
        {
            ScaleTo(_new, _desired);
        }
    }

    private void RollOut()
    {
        if (_new is null)
        {
            CreateNew();
            return;
        }

        SyncRevision();
        var wanted = _new.Replicas > _desired
            ? _desired
            : _new.Replicas + Math.Clamp(_desired + _maxSurge - All.Sum(set => set.Replicas), 0, _desired - _new.Replicas);
        if (wanted != _new.Replicas)
        {
            ScaleTo(_new, wanted);
            return;
        }

        ScaleDownOld(_new);
    }

    private void ScaleDownOld(OwnedReplicaSet current)
    {
        var active = _old.FindAll(set => set.Replicas > 0);
        var least = _desired - _maxUnavailable;
        var mayGo = All.Sum(set => set.Replicas) - least - (current.Replicas - current.Status.AvailableReplicas);
        if (active.Count == 0 || mayGo <= 0)
        {
            return;
        }

        // first what serves nobody, or a rollout that followed a broken one would wait for it for ever
        foreach (var set in active)
        {
            var broken = Math.Min(mayGo, set.Replicas - set.Status.AvailableReplicas);
            if (broken > 0)
            {
                ScaleTo(set, set.Replicas - broken);
                mayGo -= broken;
            }
        }

        // the counts of a set that is just shrinking still have the pods that go: what was asked for is the limit, too
        var spare = Math.Min(mayGo, All.Sum(set => set.Status.AvailableReplicas) - least);
        foreach (var set in active)
        {
            var count = Math.Min(ReplicasOf(set), spare);
            if (count > 0)
            {
                ScaleTo(set, ReplicasOf(set) - count);
                spare -= count;
            }
        }
    }

    private void TrimHistory()
    {
        if (_deployment.Spec.RevisionHistoryLimit is not { } limit || limit == int.MaxValue)
        {
            return;
        }

        var old = _old.FindAll(set => !set.IsDeleting);
        _delete.AddRange(old.OrderBy(set => set.Revision).ThenBy(set => set.Created).Take(Math.Max(0, old.Count - limit))
            .Where(set => set is { Replicas: 0, Status.Replicas: 0 } && set.Generation <= set.Status.ObservedGeneration));
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
