using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Disruption;

/// <summary>
/// Counts what each PodDisruptionBudget allows (<see cref="BudgetStatus"/>), so that evictions, and with them
/// <c>kubectl drain</c>, go on as far as the budget lets them: without a count the API refuses every one.
/// </summary>
internal sealed class DisruptionController : IController
{
    private readonly KubeClient _client;
    private readonly ClusterView _view;
    private readonly Informer _budgets;
    private readonly ControllersOptions _options;
    private readonly TimeProvider _time;
    private readonly WantedPods _wanted;
    private readonly WorkQueue<NamespacedName> _queue;

    public DisruptionController(
        KubeClient client, ClusterView view, InformerSet informers, ControllersOptions options, TimeProvider time, ILogger<DisruptionController> logger)
    {
        _client = client;
        _view = view;
        _budgets = informers.For(ApiResources.PodDisruptionBudgets);
        _options = options;
        _time = time;
        _wanted = new WantedPods(client);
        _queue = new WorkQueue<NamespacedName>("disruption budgets", time, logger);
        view.Pods.OnChange(NotePod);
    }

    public async Task RunAsync(CancellationToken ct)
    {
        _view.Follow(_budgets, change => _options.Deliver(() => _queue.Add(change.Name)));
        await Task.WhenAll(
            _queue.RunAsync(_options.Workers, ReconcileAsync, ct),
            Resync.RunAsync(_options.ResyncPeriod, _time, LookAtAll, ct));
    }

    public void Dispose() => _queue.Dispose();

    // under the informer's lock: selectors are read when the budget is looked at, once for a burst of changes
    private void NotePod(PodChange change)
    {
        var ns = (change.New ?? change.Old)!.Name.Namespace;
        foreach (var budget in _budgets.Snapshot().Where(b => b.Namespace == ns))
        {
            _options.Deliver(() => _queue.Add(NamespacedName.Of(budget)));
        }
    }

    private void LookAtAll()
    {
        foreach (var budget in _budgets.Snapshot())
        {
            _queue.Add(NamespacedName.Of(budget));
        }
    }

    private async Task ReconcileAsync(NamespacedName key, CancellationToken ct)
    {
        if (_budgets.Get(key) is not { IsDeleting: false } budget)
        {
            return;
        }

        var node = (JsonObject)JsonNode.Parse(budget.Json.Span)!;
        var spec = budget.View(ControllersJson.Default.BudgetGist).Spec;
        var pods = _view.Pods.All().Where(p => p.Name.Namespace == key.Namespace && (spec?.Selector).Matches(p.Labels)).ToList();
        var status = BudgetStatus.Decide(new BudgetState
        {
            MinAvailable = spec?.MinAvailable,
            MaxUnavailable = spec?.MaxUnavailable,
            Pods = pods,
            Wanted = spec?.MaxUnavailable is not null || spec?.MinAvailable is { ValueKind: JsonValueKind.String } ? await _wanted.CountAsync(key.Namespace, pods, ct) : 0,
            Disrupted = Disrupted(node["status"]?["disruptedPods"] as JsonObject),
            Now = _time.GetUtcNow(),
        });
        await WriteAsync(budget, node, status, ct);
        if (status.LookAgainAfter is { } wait)
        {
            _queue.AddAfter(key, wait);
        }
    }

    private static Dictionary<string, DateTimeOffset> Disrupted(JsonObject? pods) => (pods ?? [])
        .Select(p => (p.Key, At: KubeTime.TryParse(p.Value?.ToString(), out var at) ? at : default))
        .ToDictionary(p => p.Key, p => p.At);

    private async Task WriteAsync(KubeObject budget, JsonObject node, BudgetStatus status, CancellationToken ct)
    {
        var generation = node["metadata"]!["generation"]?.GetValue<long>() ?? 0;
        var before = node["status"] as JsonObject ?? [];
        var now = new JsonObject
        {
            ["observedGeneration"] = generation,
            ["currentHealthy"] = status.CurrentHealthy,
            ["desiredHealthy"] = status.DesiredHealthy,
            ["expectedPods"] = status.ExpectedPods,
            ["disruptionsAllowed"] = status.DisruptionsAllowed,
            ["conditions"] = Conditions(before["conditions"] as JsonArray, status, generation),
        };
        if (status.Disrupted.Count > 0)
        {
            now["disruptedPods"] = new JsonObject(status.Disrupted.Select(d => KeyValuePair.Create(d.Key, (JsonNode?)KubeTime.Format(d.Value))));
        }

        if (Same(before, now))
        {
            return;
        }

        // evictions write the same status: with the version, so that none of theirs is lost; who loses looks again
        node["status"] = now;
        await _client.UpdateAsync(
            ApiResources.PodDisruptionBudgets, budget.Namespace, budget.Name, Encoding.UTF8.GetBytes(node.ToJsonString()), "status", ct);
    }

    private static bool Same(JsonObject before, JsonObject now) =>
        now.All(m => JsonNode.DeepEquals(before[m.Key], m.Value)) && (before["disruptedPods"] as JsonObject ?? []).Count == (now["disruptedPods"] as JsonObject ?? []).Count;

    private JsonArray Conditions(JsonArray? before, BudgetStatus status, long generation)
    {
        var others = (before ?? []).Where(c => c?["type"]?.ToString() != "DisruptionAllowed").Select(c => c?.DeepClone());
        var last = (before ?? []).FirstOrDefault(c => c?["type"]?.ToString() == "DisruptionAllowed");
        var verdict = status.DisruptionsAllowed > 0 ? "True" : "False";
        return
        [
            .. others,
            new JsonObject
            {
                ["type"] = "DisruptionAllowed",
                ["status"] = verdict,
                ["observedGeneration"] = generation,
                ["lastTransitionTime"] = last?["status"]?.ToString() == verdict ? last["lastTransitionTime"]?.DeepClone() : KubeTime.Format(_time.GetUtcNow()),
                ["reason"] = status.DisruptionsAllowed > 0 ? "SufficientPods" : "InsufficientPods",
                ["message"] = "",
            },
        ];
    }
}
