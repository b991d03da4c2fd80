using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.TestKit;

namespace EdgeSync.Conformance.Tests.Running;

/// <summary>
/// The real cloudcore with its embedded API and all its controllers, and a real etcd, kube-apiserver, kube-controller-manager and
/// kube-scheduler: started once for the run. Cases mostly wait, so some run side by side: all are begun with the first that is asked
/// for, as room comes, those that wait longest first. Those of <see cref="Alone"/> see the nodes of all, and run after the others.
/// </summary>
public sealed class WorkloadPair : IAsyncLifetime, IDisposable
{
    internal const string Folder = "Workloads";

    private const string Alone = "scheduler/";

    private const int AtATime = 8;

    // Kubernetes 1.20 looks at its CronJobs each ten seconds, and binds volumes at its leisure
    private static readonly string[] s_slow = ["cronjobs/", "volumes/"];

    private static readonly TimeSpan s_agreeLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);

    // two answers that are alike for this long are the end of the matter: controllers act within milliseconds
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(300);

    private readonly EnvtestCluster _cluster = EnvtestCluster.WithControllers();
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _room = new(AtATime);
    private readonly Dictionary<string, Task<string>> _started = [];
    private readonly HashSet<string> _finished = [];
    private ProgramsCloud? _cloud;
    private ApiServer? _ours;
    private ApiServer? _kube;

    internal static IReadOnlyList<string> Names { get; } = CaseFile.NamesIn(Folder);

    /// <summary>The cases that this run is about, which its orderer knows: a filter may have left some out.</summary>
    internal static IReadOnlyList<string> Wanted { get; set; } = Names;

    internal static string DifferencesFile { get; } = AllowedDifferences.PathOf("workload-differences.txt");

    internal AllowedDifferences Allowed { get; } = AllowedDifferences.Load(DifferencesFile);

    internal IReadOnlySet<string> Finished => _finished;

    public async Task InitializeAsync()
    {
        if (EnvtestCluster.MissingReason is null)
        {
            await Task.WhenAll(_cluster.InitializeAsync(), StartOursAsync());
            _kube = new ApiServer("Kubernetes", _cluster.Kubeconfig, Path.Combine(Path.GetDirectoryName(_cluster.Kubeconfig)!, "pki", "ca.key")) { HasWatchCache = true };
        }
    }

    public async Task DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_started.Values.Cast<Task>()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ours?.Dispose();
        _kube?.Dispose();
        if (_cloud is not null)
        {
            await _cloud.DisposeAsync();
        }

        await _cluster.DisposeAsync();
    }

    public void Dispose()
    {
        _stop.Dispose();
        _room.Dispose();
        _cluster.Dispose();
    }

    internal static bool IsAlone(string name) => name.StartsWith(Alone, StringComparison.Ordinal);

    /// <summary>What differs in the case; empty where nothing does.</summary>
    internal async Task<string> ReportAsync(string name)
    {
        if (IsAlone(name))
        {
            await Task.WhenAll(_started.Values.Cast<Task>()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Begin(name);
        }
        else if (!_started.ContainsKey(name))
        {
            foreach (var shared in Wanted.Where(n => !IsAlone(n)).OrderBy(n => s_slow.Any(slow => n.StartsWith(slow, StringComparison.Ordinal)) ? 0 : 1))
            {
                Begin(shared);
            }
        }

        var report = await _started[name];
        _finished.Add(name);
        return report;
    }

    private void Begin(string name)
    {
        if (!_started.ContainsKey(name))
        {
            _started[name] = Task.Run(() => CompareInTurnAsync(name));
        }
    }

    private async Task<string> CompareInTurnAsync(string name)
    {
        await _room.WaitAsync(_stop.Token);
        try
        {
            return await CompareTwiceAsync(CaseFile.Load(name, Folder));
        }
        finally
        {
            _room.Release();
        }
    }

    /// <summary>
    /// Kubernetes' controllers act on caches, and in a race of their own come to another end now and then (1.20 counts a first revision as the
    /// second). What differs is looked at once more, in a new namespace: a difference of the rules is there again.
    /// </summary>
    private async Task<string> CompareTwiceAsync(CaseFile file)
    {
        var first = await CompareAsync(file);
        if (first.Length == 0)
        {
            return "";
        }

        var second = await CompareAsync(file with { IsSecondRun = true });
        return second.Length == 0 ? "" : $"{second}{Environment.NewLine}The first time:{Environment.NewLine}{first}";
    }

    private async Task<string> CompareAsync(CaseFile file)
    {
        using var ours = new CaseRun(file, _ours!);
        using var kube = new CaseRun(file, _kube!);
        await Task.WhenAll(ours.BeginWorkloadAsync(), kube.BeginWorkloadAsync());
        var report = new StringBuilder();
        foreach (var step in file.Steps)
        {
            _stop.Token.ThrowIfCancellationRequested();
            var (answers, different) = await AgreeAsync(file, step, ours, kube);
            if (different.Count == 0 && answers[0]["failed"] is { } failed)
            {
                // alike, and both not what the case is about
                report.AppendLine().AppendLine($"{Folder}/{file.Name}.case:{step.Line} step '{step.Name}': on both {failed}");
            }

            if (different.Count > 0)
            {
                ConformanceTests.Describe(report, Folder, file, step, different, answers[0], answers[1]);
            }

            if (report.Length > 0)
            {
                // what follows builds on it, and each of its steps would wait to its limit
                break;
            }
        }

        await Task.WhenAll(ours.EndWorkloadAsync(), kube.EndWorkloadAsync());
        return report.ToString();
    }

    /// <summary>A step that shows something is done again until both show the same, and go on doing so.</summary>
    private async Task<(JsonNode[] Answers, List<Difference> Different)> AgreeAsync(CaseFile file, CaseStep step, CaseRun ours, CaseRun kube)
    {
        var clock = Stopwatch.StartNew();
        string? agreed = null;
        var since = clock.Elapsed;
        while (true)
        {
            var raw = await Task.WhenAll(ours.AskAsync(step), kube.AskAsync(step));
            if (step.Has("show") && !raw.Any(answer => answer["failed"] is not null))
            {
                var shown = new[] { ours.Show(step, raw[0])!, kube.Show(step, raw[1])! };
                var isSame = Difference.Between(shown[0], shown[1]).TrueForAll(d => Allowed.Allows(file.Name, step.Name, d));
                var text = isSame ? $"{shown[0].ToJsonString()}{shown[1].ToJsonString()}" : null;
                if (text is null || text != agreed)
                {
                    (agreed, since) = (text, clock.Elapsed);
                }

                if (clock.Elapsed < s_agreeLimit && (text is null || clock.Elapsed - since < s_quiet))
                {
                    await Task.Delay(s_poll, _stop.Token);
                    continue;
                }
            }

            JsonNode[] answers = [ours.AcceptOutcome(step, raw[0]), kube.AcceptOutcome(step, raw[1])];
            return (answers, Difference.Between(answers[0], answers[1]).Where(d => !Allowed.Allows(file.Name, step.Name, d)).ToList());
        }
    }

    private async Task StartOursAsync()
    {
        _cloud = await ProgramsCloud.StartNewAsync();
        _ours = new ApiServer("EdgeSync", _cloud.Kubeconfig, Path.Combine(_cloud.DataFolder, "pki", "ca.key"));
    }
}
