using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Deployments;

/// <content>What the Deployment says of itself.</content>
internal sealed partial class DeploymentDecision
{
    private const string Available = "Available";
    private const string Progressing = "Progressing";
    private const string ReplicaFailure = "ReplicaFailure";
    private const string NewIsAvailable = "NewReplicaSetAvailable";
    private const string TimedOut = "ProgressDeadlineExceeded";

    private bool HasDeadline => _deployment.Spec.ProgressDeadlineSeconds is { } seconds && seconds != int.MaxValue;

    private DeploymentStatus CountStatus()
    {
        var available = All.Sum(set => set.Status.AvailableReplicas);
        if (available >= _desired - _maxUnavailable)
        {
            SetCondition(Available, "True", "MinimumReplicasAvailable", "Deployment has minimum availability.");
        }
        else
        {
            SetCondition(Available, "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.");
        }

        return new DeploymentStatus
        {
            ObservedGeneration = _deployment.Metadata.Generation ?? 0,
            Replicas = All.Sum(set => set.Status.Replicas),
            UpdatedReplicas = _new?.Status.Replicas ?? 0,
            ReadyReplicas = All.Sum(set => set.Status.ReadyReplicas),
            AvailableReplicas = available,
            UnavailableReplicas = Math.Max(0, All.Sum(ReplicasOf) + (_create?.Replicas ?? 0) - available),
            CollisionCount = _deployment.Status?.CollisionCount,
        };
    }

    private bool IsComplete(DeploymentStatus status) =>
        status.UpdatedReplicas == _desired && status.Replicas == _desired && status.AvailableReplicas == _desired;

    private void NotePause()
    {
        if (!HasDeadline || Find(Progressing) is { Reason: TimedOut })
        {
            return;
        }

        var paused = Find(Progressing) is { Reason: "DeploymentPaused" };
        if (_deployment.Spec.Paused && !paused)
        {
            SetCondition(Progressing, "Unknown", "DeploymentPaused", "Deployment is paused");
        }
        else if (!_deployment.Spec.Paused && paused)
        {
            SetCondition(Progressing, "Unknown", "DeploymentResumed", "Deployment is resumed");
        }
    }

    /// <returns>When the deadline is to be looked at, if it runs.</returns>
    private TimeSpan? NoteProgress(DeploymentStatus status)
    {
        NoteFailure();
        if (!HasDeadline)
        {
            _conditions.RemoveAll(condition => condition.Type == Progressing);
            return null;
        }

        var current = Find(Progressing);
        if (_create is not null)
        {
            SetCondition(Progressing, "True", "NewReplicaSetCreated", $"Created new replica set \"{_state.NewName}\"");
        }
        else if (!(status.Replicas == status.UpdatedReplicas && current is { Reason: NewIsAvailable }))
        {
            var subject = _new is null ? $"Deployment \"{_state.Name}\"" : $"ReplicaSet \"{_new.Name}\"";
            if (IsComplete(status))
            {
                SetCondition(Progressing, "True", NewIsAvailable, $"{subject} has successfully progressed.");
            }
            else if (HasProgressed(status))
            {
                _conditions.RemoveAll(condition => condition.Type == Progressing);
                _conditions.Add(Condition(Progressing, "True", "ReplicaSetUpdated", $"{subject} is progressing.") with
                {
                    LastTransitionTime = current is { Status: "True" } ? current.LastTransitionTime : KubeTime.Format(_state.Now),
                });
            }
            else if (DeadlineOf(current) is { } deadline && deadline < _state.Now)
            {
                SetCondition(Progressing, "False", TimedOut, $"{subject} has timed out progressing.");
            }
        }

        return IsComplete(status) ? null : DeadlineOf(Find(Progressing)) - _state.Now + TimeSpan.FromSeconds(1) is { } left && left > TimeSpan.Zero ? left : null;
    }

    private bool HasProgressed(DeploymentStatus status)
    {
        var before = _deployment.Status ?? new DeploymentStatus();
        return status.UpdatedReplicas > before.UpdatedReplicas
            || status.Replicas - status.UpdatedReplicas < before.Replicas - before.UpdatedReplicas
            || status.ReadyReplicas > before.ReadyReplicas
            || status.AvailableReplicas > before.AvailableReplicas;
    }

    private DateTimeOffset? DeadlineOf(DeploymentCondition? progressing) =>
        progressing is { Reason: not (NewIsAvailable or TimedOut) } && KubeTime.TryParse(progressing.LastUpdateTime, out var since)
            ? since.AddSeconds(_deployment.Spec.ProgressDeadlineSeconds!.Value)
            : null;

    private void NoteFailure()
    {
        var failing = (_new is null ? _old : _old.Prepend(_new))
            .Select(set => set.Status.Conditions?.Find(ReplicaFailure)).FirstOrDefault(condition => condition is { Status: "True" });
        if (failing is not null)
        {
            SetCondition(ReplicaFailure, failing.Status, failing.Reason ?? "", failing.Message ?? "");
        }
        else
        {
            _conditions.RemoveAll(condition => condition.Type == ReplicaFailure);
        }
    }

    private DeploymentCondition? Find(string type) => _conditions.Find(condition => condition.Type == type);

    // one that says the same, in whatever words, stays as it is
    private void SetCondition(string type, string status, string reason, string message)
    {
        var current = Find(type);
        if (current is not null && current.Status == status && current.Reason == reason)
        {
            return;
        }

        _conditions.RemoveAll(condition => condition.Type == type);
        _conditions.Add(Condition(type, status, reason, message) with
        {
            LastTransitionTime = current?.Status == status ? current.LastTransitionTime : KubeTime.Format(_state.Now),
        });
    }

    private DeploymentCondition Condition(string type, string status, string reason, string message) => new()
    {
        Type = type,
        Status = status,
        Reason = reason,
        Message = message,
        LastUpdateTime = KubeTime.Format(_state.Now),
        LastTransitionTime = KubeTime.Format(_state.Now),
    };
}
