using System.Globalization;
using EdgeSync.CloudCore.Controllers.DaemonSets;

namespace EdgeSync.CloudCore.Controllers.StatefulSets;

/// <summary>Everything that the decision on a StatefulSet depends on.</summary>
internal sealed record StatefulSetState
{
    public required string Name { get; init; }

    public required StatefulSet Set { get; init; }

    /// <summary>Its pods, with those in flight.</summary>
    public required IReadOnlyList<PodFacts> Pods { get; init; }

    /// <summary>The name of the present template's revision.</summary>
    public required string UpdateRevision { get; init; }

    public required DateTimeOffset Now { get; init; }
}

/// <summary>A pod that is to be made.</summary>
/// <param name="Ordinal">Its number.</param>
/// <param name="Revision">The name of the revision whose template it has.</param>
internal readonly record struct StatefulPodPlace(int Ordinal, string Revision);

/// <summary>What is to be done for a StatefulSet, and its counts.</summary>
/// <param name="Create">In this order.</param>
/// <param name="Delete">In this order.</param>
/// <param name="Condemned">Pods past the replicas, whether they go now or wait for their turn.</param>
/// <param name="Status">The counts after that.</param>
/// <param name="LookAgainAfter">When time alone changes something.</param>
internal sealed record StatefulSetPlan(
    IReadOnlyList<StatefulPodPlace> Create, IReadOnlyList<PodFacts> Delete, IReadOnlyList<PodFacts> Condemned, StatefulSetStatus Status, TimeSpan? LookAgainAfter)
{
    /// <summary>The counts where the pods could not be made.</summary>
    public StatefulSetStatus StatusWithoutCreated => Status with
    {
        Replicas = Status.Replicas - Create.Count,
        CurrentReplicas = Status.CurrentReplicas - Create.Count(place => place.Revision == Status.CurrentRevision),
        UpdatedReplicas = Status.UpdatedReplicas - Create.Count(place => place.Revision == Status.UpdateRevision),
    };
}

/// <summary>
/// Decides what a StatefulSet needs: a pure function of its state, by the rules of Kubernetes' StatefulSet controller. With OrderedReady
/// one thing happens at a time, upwards when pods are made and downwards when they go, and only while all pods before it are well.
/// </summary>
internal sealed class StatefulSetDecision
{
    private readonly StatefulSetState _state;
    private readonly StatefulSetSpec _spec;
    private readonly bool _isOrdered;
    private readonly int _start;
    private readonly int _replicas;
    private readonly string _currentRevision;
    private readonly SortedDictionary<int, PodFacts> _pods = [];
    private readonly List<StatefulPodPlace> _create = [];
    private readonly List<PodFacts> _delete = [];
    private TimeSpan? _lookAgain;

    private StatefulSetDecision(StatefulSetState state)
    {
        _state = state;
        _spec = state.Set.Spec;
        _isOrdered = _spec.PodManagementPolicy != "Parallel";
        _start = _spec.Ordinals?.Start ?? 0;
        _replicas = _spec.Replicas ?? 1;
        _currentRevision = state.Set.Status?.CurrentRevision is { Length: > 0 } current ? current : state.UpdateRevision;
        foreach (var pod in state.Pods)
        {
            if (OrdinalOf(state.Name, pod.Name.Name) is { } ordinal)
            {
                _pods[ordinal] = pod;
            }
        }
    }

    private bool IsRolling => _spec.UpdateStrategy?.Type is null or "" or "RollingUpdate";

    private int Partition => _spec.UpdateStrategy?.RollingUpdate?.Partition ?? 0;

    private int End => _start + _replicas;

    public static StatefulSetPlan Decide(StatefulSetState state)
    {
        var decision = new StatefulSetDecision(state);
        if (decision.Fill() && decision.Shrink() && decision.IsRolling)
        {
            decision.Update();
        }

        return new StatefulSetPlan(
            decision._create, decision._delete, [.. decision.Condemned()], decision.CountStatus(), decision._lookAgain);
    }

    /// <summary>The number at the end of a pod's name; null where it is not one of that set.</summary>
    public static int? OrdinalOf(string set, string pod)
    {
        if (pod.Length <= set.Length + 1 || !pod.StartsWith(set, StringComparison.Ordinal) || pod[set.Length] != '-')
        {
            return null;
        }

        var digits = pod.AsSpan(set.Length + 1);
        return (digits[0] != '0' || digits.Length == 1) && int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal)
            ? ordinal
            : null;
    }

    /// <summary>The revision whose template a pod has.</summary>
    public static string RevisionOf(PodFacts pod) => pod.Labels.GetValueOrDefault(DaemonPodWriter.HashLabel, "");

    /// <summary>Makes what is missing, from the lowest on; false where the next has to wait for one of them.</summary>
    private bool Fill()
    {
        for (var ordinal = _start; ordinal < End; ordinal++)
        {
            var pod = _pods.GetValueOrDefault(ordinal);
            if (pod is null)
            {
                _create.Add(new StatefulPodPlace(ordinal, NewRevision(ordinal)));
            }
            else if (pod.IsTerminal)
            {
                // made again when it is gone; also one that succeeded, since a node's reboot may end a pod with any code
                Delete(pod);
            }

            if (_isOrdered && (pod is null || pod.IsTerminal || pod.IsDeleting || !IsAvailable(pod)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes away what is too much, from the highest on; false where the next has to wait.</summary>
    private bool Shrink()
    {
        // when all is filled, the first that is not well is one of those that go
        var firstUnhealthy = _pods.Where(pair => !IsHealthy(pair.Value)).Select(pair => pair.Value).FirstOrDefault();
        foreach (var pod in Condemned())
        {
            if (_isOrdered && (pod.IsDeleting || (!IsAvailable(pod) && pod != firstUnhealthy)))
            {
                return false;
            }

            Delete(pod);
            if (_isOrdered)
            {
                return false;
            }
        }

        return true;
    }

    private IEnumerable<PodFacts> Condemned() => _pods.Where(pair => pair.Key >= End || pair.Key < _start).Reverse().Select(pair => pair.Value);

    /// <summary>Takes away pods of another revision, from the highest on, as long as all above them are well.</summary>
    private void Update()
    {
        var lowest = _start + Math.Max(0, Partition);
        if (_spec.UpdateStrategy?.RollingUpdate?.MaxUnavailable is { } limit)
        {
            var most = Math.Max(1, CountOrShare.Of(limit, 1, _replicas, roundUp: false));
            var unavailable = Enumerable.Range(_start, _replicas).Count(ordinal => !IsWell(ordinal));
            for (var ordinal = End - 1; ordinal >= lowest && unavailable < most; ordinal--)
            {
                if (_pods.GetValueOrDefault(ordinal) is { IsDeleting: false } pod && RevisionOf(pod) != _state.UpdateRevision)
                {
                    // one that does not serve costs nothing
                    unavailable += IsWell(ordinal) ? 1 : 0;
                    Delete(pod);
                }
            }

            return;
        }

        for (var ordinal = End - 1; ordinal >= lowest; ordinal--)
        {
            if (_pods.GetValueOrDefault(ordinal) is { IsDeleting: false } pod && RevisionOf(pod) != _state.UpdateRevision)
            {
                Delete(pod);
                return;
            }

            if (!IsWell(ordinal))
            {
                return;
            }
        }
    }

    private bool IsWell(int ordinal) => _pods.GetValueOrDefault(ordinal) is { IsDeleting: false } pod && IsAvailable(pod);

    private static bool IsHealthy(PodFacts pod) => pod is { Phase: "Running", IsReady: true, IsDeleting: false };

    private bool IsAvailable(PodFacts pod)
    {
        if (pod is not { Phase: "Running", IsReady: true })
        {
            return false;
        }

        if (pod.IsAvailable(_spec.MinReadySeconds, _state.Now))
        {
            return true;
        }

        // ready, but not for long enough: nothing else will tell when that has changed
        var left = pod.ReadySince.AddSeconds(_spec.MinReadySeconds) - _state.Now;
        _lookAgain = _lookAgain is { } earlier && earlier < left ? earlier : left;
        return false;
    }

    private string NewRevision(int ordinal) => IsRolling && ordinal < _start + Partition ? _currentRevision : _state.UpdateRevision;

    private void Delete(PodFacts pod)
    {
        if (!pod.IsDeleting && !_delete.Contains(pod))
        {
            _delete.Add(pod);
        }
    }

    private StatefulSetStatus CountStatus()
    {
        var created = _create.Count;
        var staying = _pods.Values.Where(pod => !pod.IsDeleting && !_delete.Contains(pod)).ToList();
        var current = staying.Count(pod => RevisionOf(pod) == _currentRevision) + _create.Count(place => place.Revision == _currentRevision);
        var updated = staying.Count(pod => RevisionOf(pod) == _state.UpdateRevision) + _create.Count(place => place.Revision == _state.UpdateRevision);
        var status = new StatefulSetStatus
        {
            Replicas = _pods.Count + created,
            ReadyReplicas = _pods.Values.Count(pod => pod is { Phase: "Running", IsReady: true }),
            AvailableReplicas = _pods.Values.Count(IsAvailable),
            CurrentReplicas = current,
            UpdatedReplicas = updated,
            CurrentRevision = _currentRevision,
            UpdateRevision = _state.UpdateRevision,
            ObservedGeneration = _state.Set.Metadata.Generation,
            CollisionCount = _state.Set.Status?.CollisionCount,
        };

        // a rollout that has come to its end: what was new is now what there is
        return IsRolling && status.UpdatedReplicas == status.Replicas && status.ReadyReplicas == status.Replicas
            ? status with { CurrentRevision = _state.UpdateRevision, CurrentReplicas = status.UpdatedReplicas }
            : status;
    }
}
