using System.Collections.Concurrent;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.Tests.KubeApi;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Controllers;

/// <summary>
/// The controllers are level-triggered: whatever becomes of the notes of what has changed, and of the answers of the
/// API, they end in the same state, and never put two pods of a DaemonSet on a node.
/// </summary>
[Collection(EnvtestCollection.Name)]
public sealed class ChaosTests(EnvtestCluster cluster)
{
    private static readonly string[] s_names = ["web", "log"];

    [EnvtestTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Lost_doubled_and_reordered_notes_and_a_bad_link_lead_to_the_same_state(int seed)
    {
        var notes = new ScrambledNotes(seed);
        var options = new ControllersOptions
        {
            NodeMonitorGracePeriod = TimeSpan.FromHours(1),
            MissingNodeGrace = TimeSpan.Zero,
            ResyncPeriod = TimeSpan.FromMilliseconds(300),
            Deliver = notes.Deliver,
        };
        await using var rig = new ControllerRig(cluster, options, config => BadLink.Connect(config, seed));
        var doubled = new ConcurrentQueue<string>();
        await rig.StartAsync();
        using var watching = rig.Pods.Subscribe(change =>
        {
            if (change is { Old: null, New: { } added } && added.Namespace == rig.Namespace)
            {
                NoteDoubled(rig, PodFacts.Read(added), doubled);
            }
        });
        var random = new Random(seed);
        await rig.AddNodesAsync(4);
        await rig.ApplyDaemonSetAsync("web", "a:0", """ "updateStrategy":{"rollingUpdate":{"maxUnavailable":2}}, """);
        await rig.ApplyDaemonSetAsync("log", "a:0");
        var next = 4;
        for (var step = 0; step < 25; step++)
        {
            await DisturbAsync(rig, random, step, () => next++);
        }

        await Eventually.HoldsAsync("all nodes settled", () => Settled(rig, notes), TimeSpan.FromSeconds(90));
        Assert.Empty(doubled);
        Assert.True(notes.Lost > 10, $"only {notes.Lost} notes were lost");
        Assert.True(BadLink.Broken > 5, $"only {BadLink.Broken} requests were broken");
    }

    private static async Task DisturbAsync(ControllerRig rig, Random random, int step, Func<int> nextNode)
    {
        var pods = rig.PodsNow();
        switch (random.Next(5))
        {
            case 0:
                await rig.AddNodeAsync(nextNode());
                break;
            case 1 when rig.Nodes.Snapshot().Count(node => node.Name.StartsWith(rig.Namespace, StringComparison.Ordinal)) is > 3 and var count:
                var node = rig.Nodes.Snapshot().Where(node => node.Name.StartsWith(rig.Namespace, StringComparison.Ordinal)).ElementAt(random.Next(count));
                await IgnoreMissingAsync(() => rig.Client.DeleteAsync(ApiResources.Nodes, "", node.Name, null, rig.Ct));
                break;
            case 2:
                await rig.SetImageAsync(random.Next(2) == 0 ? "web" : "log", $"a:{step}");
                break;
            case 3 when pods.Count > 0:
                var pod = pods[random.Next(pods.Count)];
                await IgnoreMissingAsync(() => rig.Client.DeleteAsync(ApiResources.Pods, rig.Namespace, pod.Name.Name, null, rig.Ct));
                break;
            default:
                // let the controllers get somewhere: until one more pod is there or went
                await Task.WhenAny(Eventually.HoldsAsync("a change", () => rig.PodsNow().Count != pods.Count, TimeSpan.FromMilliseconds(300)));
                break;
        }
    }

    private static async Task IgnoreMissingAsync(Func<Task> act)
    {
        try
        {
            await act();
        }
        catch (ApiException e) when (e.IsNotFound)
        {
            // the controllers were faster
        }
    }

    private static bool Settled(ControllerRig rig, ScrambledNotes notes)
    {
        notes.FlushOne();
        var nodes = rig.Nodes.Snapshot().Select(node => node.Name).Where(name => name.StartsWith(rig.Namespace, StringComparison.Ordinal)).Order().ToList();
        var pods = rig.PodsNow();
        return pods.All(pod => pod is { IsReady: true, IsDeleting: false })
            && s_names.All(name => pods
                .Where(pod => pod.Controller?.Name == name).Select(pod => pod.NodeName).Order().SequenceEqual(nodes))
            && s_names.All(name => pods
                .Where(pod => pod.Controller?.Name == name).Select(pod => pod.Labels["controller-revision-hash"]).Distinct().Count() == 1);
    }

    // runs under the informer's lock of the test's own client, which sees the pods in the order of the API
    private static void NoteDoubled(ControllerRig rig, PodFacts added, ConcurrentQueue<string> doubled)
    {
        foreach (var other in rig.PodsNow())
        {
            if (other.Uid != added.Uid && !other.IsDeleting && other.NodeName == added.NodeName && other.Controller?.Uid == added.Controller?.Uid)
            {
                doubled.Enqueue($"{added.Name} beside {other.Name} on {added.NodeName}");
            }
        }
    }

    /// <summary>Loses a third of the notes, doubles a third, and holds some back to deliver them later in another order.</summary>
    internal sealed class ScrambledNotes(int seed)
    {
        private readonly Lock _gate = new();
        private readonly Random _random = new(seed);
        private readonly List<Action> _held = [];

        public int Lost { get; private set; }

        public void Deliver(Action note)
        {
            var now = new List<Action>();
            lock (_gate)
            {
                switch (_random.Next(6))
                {
                    case 0 or 1:
                        Lost++;
                        break;
                    case 2 or 3:
                        now.AddRange([note, note]);
                        break;
                    default:
                        _held.Add(note);
                        break;
                }

                while (_held.Count > 5)
                {
                    now.Add(Take());
                }
            }

            now.ForEach(late => late());
        }

        public void FlushOne()
        {
            Action? late = null;
            lock (_gate)
            {
                late = _held.Count > 0 ? Take() : null;
            }

            late?.Invoke();
        }

        private Action Take()
        {
            var index = _random.Next(_held.Count);
            var late = _held[index];
            _held.RemoveAt(index);
            return late;
        }
    }

    /// <summary>Fails requests before they are sent, and answers after they were carried out, so that their outcome is unknown.</summary>
    internal sealed class BadLink(HttpMessageHandler inner, int seed) : DelegatingHandler(inner)
    {
        private static int s_broken;

        private readonly Lock _gate = new();
        private readonly Random _random = new(seed);

        public static int Broken => s_broken;

        public static KubeClient Connect(KubeConfig config, int seed) => new(
            new BadLink(KubeTransport.Create(config, TimeProvider.System), seed), config.Server, TimeProvider.System);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            int fate;
            lock (_gate)
            {
                fate = _random.Next(12);
            }

            if (fate == 0)
            {
                Interlocked.Increment(ref s_broken);
                throw new HttpRequestException("cut before it was sent");
            }

            var response = await base.SendAsync(request, cancellationToken);
            if (fate == 1)
            {
                Interlocked.Increment(ref s_broken);
                response.Dispose();
                throw new HttpRequestException("cut before the answer");
            }

            return response;
        }
    }
}
