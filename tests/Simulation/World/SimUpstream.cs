using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.CloudHub;
using EdgeSync.CloudCore.CloudHub.Upstream;
using EdgeSync.CloudCore.DeviceController;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>
/// One request of a node on its way through the hub to the API: CloudHub/UpstreamDispatcher, NodeUpstream, PodUpstream and
/// DeviceController/DeviceUpstream, with the shipped <see cref="TwinReport"/> and <see cref="KnownNode"/>.
/// </summary>
internal sealed class SimUpstream(SimWorld world, SimSession session, Message request)
{
    private const int MaxConflicts = 8;

    private readonly int _hub = world.Hub.Incarnation;
    private Action<Message> _reply = null!;

    public void Handle(Action<Message> reply)
    {
        _reply = reply;
        if (request.Resource.StartsWith("device/", StringComparison.Ordinal))
        {
            ReportTwin(1);
            return;
        }

        if (request.Operation == Operations.Upload)
        {
            Write(() =>
            {
                world.Oracle.Routes(session.Node, request.Resource, SimContent.Read(request.Content.Span).Sequence);
                return 200;
            });
            return;
        }

        _ = ObjectKey.TryParse(request.Resource, out var key);
        switch (key.Type, request.Operation)
        {
            case (ResourceTypes.Node, Operations.Insert):
                Register(key);
                break;
            case (ResourceTypes.NodePatch, Operations.Patch):
                ReportNode(key with { Type = ResourceTypes.Node, Namespace = "" });
                break;
            case (ResourceTypes.PodPatch, Operations.Patch):
                OwnPodOnly(key with { Type = ResourceTypes.Pod }, WriteStatus);
                break;
            case (ResourceTypes.Pod, Operations.Delete):
                OwnPodOnly(key, DeletePod);
                break;
            default:
                Write(() =>
                {
                    // AlreadyExists is a resend of one that is there
                    world.Api.Events.Add($"event/{key.Namespace}/{key.Name}");
                    return 200;
                });
                break;
        }
    }

    /// <summary>Asks the API, as long as the hub's process lives that this request is of.</summary>
    private void Ask(Func<int> carryOut, Action<int> answered)
    {
        bool IsAlive() => world.Hub.Running && world.Hub.Incarnation == _hub;
        if (IsAlive())
        {
            world.Api.Request(carryOut, code =>
            {
                if (IsAlive())
                {
                    answered(code);
                }
            });
        }
    }

    private void Write(Func<int> carryOut) => Ask(
        () =>
        {
            world.Oracle.Writes(session);
            return carryOut();
        },
        Answer);

    private void Register(ObjectKey key)
    {
        var metadata = (JsonObject)JsonNode.Parse(request.Content.Span)!["metadata"]!;
        var release = metadata["labels"]!["release"]!.GetValue<string>();
        if (Known(known => known.WithMetadata(session.Identity, metadata), out var same))
        {
            return;
        }

        if (same is not null)
        {
            world.Oracle.CheckKnown(session, same, found => found.Release == release);
            Answer(200);
            return;
        }

        WriteNode(key, () => Create(key, release), code =>
        {
            if (code == 409)
            {
                WriteNode(key, () => MergeMetadata(key, release), Answer);
                return;
            }

            Answer(code);
        });
    }

    private int Create(ObjectKey key, string release)
    {
        if (world.Api.Find(key) is not null)
        {
            return 409;
        }

        world.Api.Create(key, o => o.Release = release);
        return 200;
    }

    private int MergeMetadata(ObjectKey key, string release)
    {
        if (world.Api.Find(key) is not { } found)
        {
            return 404;
        }

        if (found.Release != release)
        {
            found.Release = release;
            world.Api.Changed(found);
        }

        return 200;
    }

    private void ReportNode(ObjectKey key)
    {
        var said = JsonNode.Parse(request.Content.Span)!;
        var status = (JsonObject)said["status"]!;
        var mode = status["mode"]!.GetValue<string>();
        if (Known(known => known.WithStatus(session.Identity, status), out var same))
        {
            return;
        }

        if (same is not null)
        {
            world.Oracle.CheckKnown(session, same, found => found.Mode == mode);
            Answer(200);
            return;
        }

        WriteNode(key, () =>
        {
            if (world.Api.Find(key) is not { } found)
            {
                return 404;
            }

            var sequence = said["seq"]!.GetValue<long>();
            world.Oracle.CheckNewer(key, found.Status, sequence);
            (found.Status, found.Mode, found.NodeStatus) = (sequence, mode, status.ToJsonString());
            world.Api.Changed(found);
            return 200;
        }, Answer);
    }

    /// <summary>What the hub knows; true where the session has ended with the question.</summary>
    private bool Known(Func<KnownNode, KubeObject?> ask, out KubeObject? node)
    {
        try
        {
            node = ask(world.Hub.Known);
            return false;
        }
        catch (SessionEndedException e)
        {
            node = null;
            EndSession(e);
            return true;
        }
    }

    /// <summary>A write that the hub remembers.</summary>
    private void WriteNode(ObjectKey key, Func<int> carryOut, Action<int> answered)
    {
        var outcome = new TaskCompletionSource<KubeObject>();
        KubeObject? written = null;
        var remembered = world.Hub.Known.WriteAsync(session.Identity, () => outcome.Task);
        Ask(
            () =>
            {
                world.Oracle.Writes(session);
                var code = carryOut();
                written = world.Api.Find(key)?.Rendered;
                return code;
            },
            code =>
            {
                if (code == 200)
                {
                    outcome.SetResult(written!);
                }
                else
                {
                    outcome.SetCanceled();
                }

                world.Oracle.Check(remembered.IsCompleted, Promises.NoException, "a write goes on elsewhere");
                if (remembered.Exception?.InnerException is SessionEndedException ended)
                {
                    EndSession(ended);
                    return;
                }

                answered(code);
            });
    }

    private int WriteStatus(ObjectKey key)
    {
        var (uid, sequence) = SimContent.Read(request.Content.Span);
        if (world.Api.Find(key) is not { } found)
        {
            return 404;
        }

        if (uid.Length > 0 && found.Uid != uid && !Mutant.Is(Mutations.WriteWithoutUid))
        {
            return 409;
        }

        world.Oracle.CheckIncarnation(found, uid);
        world.Oracle.CheckNewer(key, found.Status, sequence);
        found.Status = sequence;
        world.Api.Changed(found);
        return 200;
    }

    private int DeletePod(ObjectKey key)
    {
        var (uid, _) = SimContent.Read(request.Content.Span);
        if (world.Api.Find(key) is not { } found)
        {
            return 404;
        }

        if (found.Uid != uid && !Mutant.Is(Mutations.DeleteWithoutUid))
        {
            return 409;
        }

        world.Oracle.CheckIncarnation(found, uid);
        world.Api.Delete(key);
        return 200;
    }

    private void OwnPodOnly(ObjectKey key, Func<ObjectKey, int> carryOut)
    {
        if (world.Hub.Caches[ResourceTypes.Pod].Get(new(key.Namespace, key.Name)) is { } cached
            && cached.View(KubernetesJson.Default.Pod).Spec?.NodeName == session.Node)
        {
            Write(() => carryOut(key));
            return;
        }

        string? node = null;
        Ask(
            () =>
            {
                node = world.Api.Find(key)?.Node;
                return node is null ? 404 : 200;
            },
            code =>
            {
                if (code != 200)
                {
                    Answer(code);
                    return;
                }

                if (node != session.Node)
                {
                    Answer(404);
                    return;
                }

                Write(() => carryOut(key));
            });
    }

    private void ReportTwin(int attempt)
    {
        var segments = request.Resource.Split('/');
        var key = new ObjectKey(segments[1], ResourceTypes.Device, segments[2]);
        KubeObject? current = null;
        Ask(
            () =>
            {
                current = world.Api.Find(key)?.Rendered;
                return current is null ? 404 : 200;
            },
            code =>
            {
                if (code != 200)
                {
                    Answer(code);
                    return;
                }

                Merge(key, current!, attempt);
            });
    }

    private void Merge(ObjectKey key, KubeObject current, int attempt)
    {
        var device = current.View(KubernetesJson.Default.Device);
        if (device.Spec.NodeName != session.Node)
        {
            Answer(Mutant.Is(Mutations.GiveUpElsewhere) ? 404 : 403);
            return;
        }

        var content = (JsonObject)JsonNode.Parse(request.Content.Span)!;
        if (content["uid"]?.GetValue<string>() is { Length: > 0 } uid && uid != current.Uid)
        {
            Answer(409);
            return;
        }

        if (TwinReport.Merge(device, content["twin"] as JsonObject, content["origin"]?.GetValue<string>() ?? "") is not { } status)
        {
            Answer(200);
            return;
        }

        var conflict = false;
        Ask(
            () =>
            {
                world.Oracle.Writes(session);
                return Patch(key, current, status, out conflict);
            },
            code =>
            {
                if (conflict && attempt < MaxConflicts)
                {
                    ReportTwin(attempt + 1);
                    return;
                }

                Answer(code);
            });
    }

    private int Patch(ObjectKey key, KubeObject current, JsonObject status, out bool conflict)
    {
        conflict = false;
        if (world.Api.Find(key) is not { } found)
        {
            return 404;
        }

        if (found.Rendered.ResourceVersion != current.ResourceVersion)
        {
            conflict = true;
            return 409;
        }

        var reported = SimContent.ReadReported(status);
        foreach (var (property, report) in reported)
        {
            world.Oracle.WritesReport(session.Node, found, property, report);
        }

        var written = $",\"status\":{status.ToJsonString()}";
        world.Oracle.Check(written != found.DeviceStatus, Promises.NeverOlder, $"{key}: what the API has already is written again: {status.ToJsonString()}");
        found.Reported = reported;
        found.DeviceStatus = written;
        world.Api.Changed(found);
        return 200;
    }

    private void EndSession(SessionEndedException e)
    {
        session.End(e.Message);
        Answer(503); // which nobody hears: the request is over
    }

    private void Answer(int code)
    {
        if (code == 404 && request.Resource.Contains(ResourceTypes.NodePatch, StringComparison.Ordinal))
        {
            session.End("its Node object is not there");
        }

        _reply(new Message
        {
            Id = world.NextId(),
            ParentId = request.Id,
            Operation = Operations.Response,
            Group = Groups.Resource,
            Resource = request.Resource,
            Content = code == 200 ? MessageContent.Ok : SimContent.Refusal(code),
        });
    }
}

/// <summary>The small documents that the simulated parts write and read themselves.</summary>
internal static class SimContent
{
    private static readonly Dictionary<int, byte[]> s_refusals = new int[] { 403, 404, 409, 503 }.ToDictionary(
        code => code, code => Encoding.UTF8.GetBytes($$$$"""{"Object":null,"Err":{"ErrStatus":{"status":"Failure","code":{{{{code}}}}}}}"""));

    public static ReadOnlyMemory<byte> Refusal(int code) => s_refusals[code];

    public static byte[] WriteRegistration(string release) => Encoding.UTF8.GetBytes($$$$"""{"metadata":{"labels":{"release":"{{{{release}}}}"}}}""");

    public static byte[] WriteNodeStatus(long sequence, string mode, string at) => Encoding.UTF8.GetBytes(string.Create(
        System.Globalization.CultureInfo.InvariantCulture,
        $$$$"""{"seq":{{{{sequence}}}},"status":{"mode":"{{{{mode}}}}","conditions":[{"type":"Ready","status":"True","lastHeartbeatTime":"{{{{at}}}}"}]}}"""));

    public static byte[] Write(string uid, long sequence) => Encoding.UTF8.GetBytes($"[\"{uid}\",{sequence}]");

    public static (string Uid, long Sequence) Read(ReadOnlySpan<byte> content)
    {
        var comma = content.LastIndexOf((byte)',');
        return (Encoding.UTF8.GetString(content[2..(comma - 1)]),
            long.Parse(content[(comma + 1)..^1], System.Globalization.CultureInfo.InvariantCulture));
    }

    public static Dictionary<string, SimReport> ReadReported(JsonObject status)
    {
        var reported = new Dictionary<string, SimReport>();
        foreach (var twin in status["twins"]!.AsArray())
        {
            if (twin!["reported"] is JsonObject value)
            {
                reported.Add(
                    twin["propertyName"]!.GetValue<string>(),
                    new SimReport(
                        value["value"]!.GetValue<string>(),
                        long.Parse(value["metadata"]!["sequence"]!.GetValue<string>(), System.Globalization.CultureInfo.InvariantCulture),
                        value["metadata"]!["origin"]!.GetValue<string>()));
            }
        }

        return reported;
    }
}
