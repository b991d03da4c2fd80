using System.Globalization;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>One watch event of one type.</summary>
internal readonly record struct ApiEvent(bool Deleted, KubeObject Object);

/// <summary>
/// The API server: objects with UIDs and versions, a log of events for each type, and answers that come late, fail, or are lost
/// after the change was made. Its store is durable; what was answered with success stays.
/// </summary>
internal sealed class SimApi(SimWorld world)
{
    private static readonly string[] s_types =
        [ResourceTypes.Node, ResourceTypes.Pod, ResourceTypes.ConfigMap, ResourceTypes.Secret, ResourceTypes.Device, ResourceTypes.DeviceModel];

    private readonly Dictionary<ObjectKey, ApiObject> _objects = [];
    private readonly Dictionary<string, List<ApiEvent>> _logs = s_types.ToDictionary(t => t, _ => new List<ApiEvent>());
    private long _version = 100;
    private int _uids;
    private int _incarnation;

    public static IReadOnlyList<string> Types => s_types;

    public IReadOnlyDictionary<ObjectKey, ApiObject> Objects => _objects;

    /// <summary>UIDs of objects that are gone for good.</summary>
    public HashSet<string> Gone { get; } = [];

    /// <summary>Keys of "each" messages whose events were created.</summary>
    public HashSet<string> Events { get; } = [];

    /// <summary>Numbers of the routed messages that arrived, by node and topic, in their order.</summary>
    public Dictionary<(string Node, string Topic), List<long>> Routed { get; } = [];

    /// <summary>Whether it answers; an API that comes back is another process with the same store.</summary>
    public bool Away { get; private set; }

    /// <summary>The longest that a request waits before it is carried out, milliseconds.</summary>
    public int Slowness { get; set; } = 8;

    /// <summary>One answer in so many is lost after the request was carried out; 0 for none.</summary>
    public int LosesAnswers { get; set; }

    public void SetAway(bool away)
    {
        Away = away;
        if (away)
        {
            _incarnation++;
        }
        else
        {
            world.Hub.ApiIsBack();
        }
    }

    public IReadOnlyList<ApiEvent> Log(string type) => _logs[type];

    /// <summary>A request of the hub: carried out after a while, answered after another; 503 where the API is away.</summary>
    /// <param name="carryOut">Makes the change and gives the answer's code (and the version to answer).</param>
    /// <param name="answered">Gets the code.</param>
    public void Request(Func<int> carryOut, Action<int> answered)
    {
        var rng = world.Rng;
        if (Away)
        {
            world.Agenda.After(rng.Between(1, 20), () => answered(503));
            return;
        }

        // what a hub that died had asked for ends with its connection
        var (incarnation, hub) = (_incarnation, world.Hub.Incarnation);
        world.Agenda.After(rng.Skewed(1, Slowness), () =>
        {
            if (incarnation != _incarnation || hub != world.Hub.Incarnation || !world.Hub.Running)
            {
                answered(503);
                return;
            }

            var code = carryOut();
            if (LosesAnswers > 0 && rng.OneIn(LosesAnswers))
            {
                code = 503;
            }

            world.Agenda.After(rng.Between(0, 4), () => answered(code));
        });
    }

    public ApiObject? Find(ObjectKey key) => _objects.GetValueOrDefault(key);

    public ApiObject Create(ObjectKey key, Action<ApiObject>? fill = null)
    {
        var created = new ApiObject { Key = key, Uid = string.Create(CultureInfo.InvariantCulture, $"u{++_uids}") };
        created.Born = world.NextSequence();
        fill?.Invoke(created);
        _objects.Add(key, created);
        Changed(created);
        return created;
    }

    /// <summary>Gives the object a new version and tells the watches.</summary>
    public void Changed(ApiObject changed)
    {
        changed.Version = ++_version;
        changed.Render();
        _logs[changed.Key.Type].Add(new ApiEvent(false, changed.Rendered));
        world.Oracle.Assigned(changed);
        world.Hub.EventsAt(changed.Key.Type);
    }

    public void Delete(ObjectKey key)
    {
        if (!_objects.Remove(key, out var gone))
        {
            return;
        }

        Gone.Add(gone.Uid);
        gone.Version = ++_version;
        gone.Render();
        _logs[key.Type].Add(new ApiEvent(true, gone.Rendered));
        world.Hub.EventsAt(key.Type);
    }
}
