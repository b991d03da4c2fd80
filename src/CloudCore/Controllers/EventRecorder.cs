using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>The object that an Event is about.</summary>
internal sealed record EventSubject(string ApiVersion, string Kind, NamespacedName Name, string Uid)
{
    public static EventSubject Of(KubeObject value, ApiResource kind) => new(kind.ApiVersion, kind.Kind, NamespacedName.Of(value), value.Uid);

    public static EventSubject Pod(NamespacedName name, string uid) => new("v1", "Pod", name, uid);
}

/// <summary>
/// Writes what the controllers did as Kubernetes Events, as <c>kubectl describe</c> shows them. They are for people: they wait in bounded
/// queues, the oldest are dropped when one is full, and one that cannot be written is lost; all of these are counted. The same words again count up
/// the Event that is there; an object that has much to say is heard 25 times at once, then every five minutes (Kubernetes' limits).
/// </summary>
internal sealed class EventRecorder : IController
{
    // a write waits for the disk, which takes several at a time; those about one object follow each other
    private const int Lanes = 4;

    private readonly EventLane[] _lanes;

    /// <param name="client">Where to.</param>
    /// <param name="noteLost">Called for each Event that is lost.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For those that are refused.</param>
    /// <param name="mostWaiting">Events that wait in each of its four queues, at the most.</param>
    public EventRecorder(KubeClient client, Action noteLost, TimeProvider time, ILogger<EventRecorder> logger, int mostWaiting = 1024) =>
        _lanes = [.. Enumerable.Range(0, Lanes).Select(_ => new EventLane(client, noteLost, time, logger, mostWaiting))];

    /// <summary>Notes an Event; never waits, never fails.</summary>
    /// <param name="component">Who says it, by Kubernetes' name (<c>deployment-controller</c>).</param>
    /// <param name="subject">What it is about.</param>
    /// <param name="isWarning">Warning rather than Normal.</param>
    /// <param name="reason">One word, for programs.</param>
    /// <param name="message">For people.</param>
    public void Record(string component, EventSubject subject, bool isWarning, string reason, string message) =>
        _lanes[(uint)subject.Uid.GetHashCode(StringComparison.Ordinal) % Lanes].Add(component, subject, isWarning, reason, message);

    /// <summary>Writes until cancelled.</summary>
    public Task RunAsync(CancellationToken ct) => Task.WhenAll(_lanes.Select(lane => lane.RunAsync(ct)));

    public void Dispose()
    {
        foreach (var lane in _lanes)
        {
            lane.Dispose();
        }
    }
}
