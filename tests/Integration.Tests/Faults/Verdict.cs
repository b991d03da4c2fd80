using System.Diagnostics;
using System.Text.Json.Nodes;
using EdgeSync.Integration.Tests.World;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>What the comparison of the ledger with both sides has found; all lists are empty where all is well.</summary>
internal sealed record Findings(IReadOnlyList<string> Lost, IReadOnlyList<string> Stale, IReadOnlyList<string> Twice)
{
    public bool IsClean => Lost.Count + Stale.Count + Twice.Count == 0;

    public override string ToString() => string.Join('\n', [
        .. Lost.Select(f => "lost: " + f), .. Stale.Select(f => "stale: " + f), .. Twice.Select(f => "twice: " + f)]);
}

/// <summary>A fault's outcome.</summary>
internal sealed record Outcome(Findings Findings, TimeSpan Converged, int Accepted);

/// <summary>
/// Compares, after the fault, the whole ledger with the API, the API with the agent's SQLite, and what runs with what
/// should run: everything, every time.
/// </summary>
internal sealed class Verdict(FaultWorld world, Ledger ledger, StepBackWatch watch)
{
    private static readonly string[] s_content = ["data", "spec", "type"];

    private readonly List<string> _lost = [];
    private readonly List<string> _stale = [];
    private readonly List<string> _twice = [];

    /// <summary>Until nothing is found, or the limit is over and what is found still is the outcome.</summary>
    public static async Task<Outcome> ReachAsync(FaultWorld world, Ledger ledger, StepBackWatch watch, TimeSpan limit)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var verdict = new Verdict(world, ledger, watch);
            string? problem = null;
            try
            {
                await verdict.CompareAsync();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // a program is still on its way up
                problem = e.Message;
            }

            var findings = new Findings([.. problem is null ? [] : new[] { problem }, .. verdict._lost], verdict._stale, verdict._twice);
            if (findings.IsClean || clock.Elapsed > limit)
            {
                return new Outcome(findings, clock.Elapsed, ledger.Accepted);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }
    }

    private async Task CompareAsync()
    {
        await CompareLedgerWithApiAsync();
        await CompareApiWithEdgeAsync();
        await CompareReadingsAsync();
        await ComparePodsAsync();
        _stale.AddRange(watch.Found.Select(f => "a reported value stepped back: " + f));
        _lost.AddRange(EdgeStore.Outbox(world.Edge.DatabaseFile).Select(key => $"{key} waits in the outbox still"));
        CheckFile(world.Edge.DatabaseFile);
        CheckFile(world.Cloud.DatabaseFile);
    }

    private async Task CompareLedgerWithApiAsync()
    {
        foreach (var kind in ledger.Objects.GroupBy(o => o.Key.Resource))
        {
            var present = (await world.Api.ListAsync(kind.Key)).Items.ToDictionary(Name);
            foreach (var ((resource, name), wanted) in kind)
            {
                if (wanted is null)
                {
                    if (present.ContainsKey(name))
                    {
                        _stale.Add($"{resource}/{name} was deleted and is in the API");
                    }
                }
                else if (!present.TryGetValue(name, out var found))
                {
                    _lost.Add($"{resource}/{name} was accepted and is not in the API");
                }
                else if (resource is not ("pods" or "daemonsets") && s_content.Any(f => !JsonNode.DeepEquals(wanted[f], found[f])))
                {
                    _stale.Add($"{resource}/{name} is not as last accepted in the API");
                }
            }
        }
    }

    /// <summary>The agent's store holds what the node should hold, byte for byte in content, and nothing else.</summary>
    private async Task CompareApiWithEdgeAsync()
    {
        var stored = new Dictionary<string, JsonObject>(EdgeStore.Objects(world.Edge.DatabaseFile));
        (string Resource, string Type)[] kinds =
            [("configmaps", "configmap"), ("secrets", "secret"), ("pods", "pod"), ("devices", "device"), ("devicemodels", "devicemodel")];
        foreach (var (resource, type) in kinds)
        {
            foreach (var item in (await world.Api.ListAsync(resource)).Items)
            {
                var key = $"default/{type}/{Name(item)}";
                if (!stored.Remove(key, out var found))
                {
                    _lost.Add($"{key} is in the API and not at the edge");
                }
                else if (!JsonNode.DeepEquals(Content(item), Content(found)))
                {
                    _stale.Add($"{key} at the edge is not as in the API");
                }
            }
        }

        _stale.AddRange(stored.Keys.Where(k => !k.EndsWith("/node/" + EdgeWorld.NodeName, StringComparison.Ordinal))
            .Select(key => $"{key} is at the edge and not in the API"));
    }

    private async Task CompareReadingsAsync()
    {
        foreach (var device in ledger.Readings.GroupBy(r => r.Key.Device))
        {
            var reported = StepBackWatch.Reported((await world.Api.GetAsync("devices", device.Key))!)
                .ToDictionary(r => r.Property, r => r.Value);
            foreach (var ((_, property), value) in device)
            {
                if (!reported.TryGetValue(property, out var found))
                {
                    _lost.Add($"{device.Key} {property}: {value} was taken by the broker, the API has none");
                }
                else if (found != value)
                {
                    _stale.Add($"{device.Key} {property}: the API has {found}, the last one taken was {value}");
                }
            }
        }
    }

    private async Task ComparePodsAsync()
    {
        var node = (await world.Api.GetAsync("nodes", EdgeWorld.NodeName))!;
        if (!node["status"]!["conditions"]!.AsArray().Any(c => (string?)c!["type"] == "Ready" && (string?)c["status"] == "True"))
        {
            _lost.Add("the node is not Ready");
        }

        var wanted = ledger.Names("pods");
        foreach (var pod in (await world.Api.ListAsync("pods")).Items.Where(p => wanted.Contains(Name(p))))
        {
            var container = pod["status"]?["containerStatuses"]?.AsArray().FirstOrDefault();
            if ((string?)pod["status"]?["phase"] != "Running" || container is null)
            {
                _lost.Add($"pod {Name(pod)} is not Running in the API");
            }
            else if ((int?)container["restartCount"] != 0)
            {
                _twice.Add($"pod {Name(pod)} was restarted");
            }
        }

        foreach (var ((_, name), made) in ledger.Objects.Where(o => o.Key.Resource is "pods" or "daemonsets"))
        {
            var running = (await world.World.Pods.RunningAsync(name)).Count;
            var should = made is null ? 0 : 1;
            (running < should ? _lost : _twice).AddRange(
                running == should ? [] : [$"pod {name} runs {running} times, {should} was wanted"]);
        }
    }

    private void CheckFile(string file)
    {
        if (EdgeStore.Integrity(file) is var verdict and not "ok")
        {
            _lost.Add($"{Path.GetFileName(file)} is damaged: {verdict}");
        }
    }

    private static string Name(JsonObject o) => (string)o["metadata"]!["name"]!;

    /// <summary>What an object asks for: without what the API itself counts and what was reported.</summary>
    private static JsonObject Content(JsonObject o)
    {
        var content = o.DeepClone().AsObject();
        content.Remove("status");
        content.Remove("kind"); // items of a list have none
        content.Remove("apiVersion");
        foreach (var field in (string[])["resourceVersion", "generation", "managedFields"])
        {
            content["metadata"]!.AsObject().Remove(field);
        }

        return content;
    }
}
