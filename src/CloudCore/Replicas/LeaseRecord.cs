using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Replicas;

/// <summary>
/// A coordination.k8s.io/v1 Lease as leader election reads and writes it. What others put into the object stays.
/// <code>
/// {"metadata":{"name":…,"resourceVersion":…},
///  "spec":{"holderIdentity":"host_c3","leaseDurationSeconds":15,"acquireTime":…,"renewTime":…,"leaseTransitions":4}}
/// </code>
/// </summary>
internal sealed class LeaseRecord
{
    private readonly JsonObject _content;

    private LeaseRecord(JsonObject content) => _content = content;

    /// <summary>Empty where nobody holds it.</summary>
    public string Holder => (string?)Spec["holderIdentity"] ?? "";

    public int Transitions => (int?)Spec["leaseTransitions"] ?? 0;

    public TimeSpan Duration => TimeSpan.FromSeconds((int?)Spec["leaseDurationSeconds"] ?? 0);

    private JsonObject Spec => Child(_content, "spec");

    /// <summary>Null where it is not a Lease in form.</summary>
    public static LeaseRecord? Read(KubeObject lease)
    {
        try
        {
            var record = new LeaseRecord(JsonNode.Parse(lease.Json.Span)!.AsObject());
            _ = (record.Holder, record.Transitions, record.Duration);
            return record;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>One that nobody holds and that is not there yet.</summary>
    public static LeaseRecord New(string ns, string name) => new(new JsonObject
    {
        ["apiVersion"] = "coordination.k8s.io/v1",
        ["kind"] = "Lease",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = ns },
    });

    /// <summary>The lease held by <paramref name="holder"/> from now on, or still.</summary>
    public LeaseRecord HeldBy(string holder, TimeSpan duration, DateTimeOffset now)
    {
        var isNew = _content["spec"] is null;
        var next = new LeaseRecord(_content.DeepClone().AsObject());
        if (Holder != holder)
        {
            next.Spec["leaseTransitions"] = isNew ? 0 : Transitions + 1;
            next.Spec["acquireTime"] = KubeTime.FormatMicro(now);
        }

        next.Spec["holderIdentity"] = holder;
        next.Spec["leaseDurationSeconds"] = Math.Max(1, (int)duration.TotalSeconds);
        next.Spec["renewTime"] = KubeTime.FormatMicro(now);
        return next;
    }

    /// <summary>The lease held by nobody; one second, since a duration must be there.</summary>
    public LeaseRecord Free(DateTimeOffset now)
    {
        var next = new LeaseRecord(_content.DeepClone().AsObject());
        next.Spec.Remove("holderIdentity");
        next.Spec["leaseDurationSeconds"] = 1;
        next.Spec["renewTime"] = KubeTime.FormatMicro(now);
        return next;
    }

    public byte[] ToJson() => ObjectContent.Bytes(_content);

    private static JsonObject Child(JsonObject parent, string name)
    {
        if (parent[name] is not JsonObject child)
        {
            parent[name] = child = [];
        }

        return child;
    }
}
