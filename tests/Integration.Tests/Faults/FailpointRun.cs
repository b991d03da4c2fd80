using EdgeSync.CloudCore;
using EdgeSync.Storage;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>
/// Lets one program die at one point: starts it with the point armed, changes things until it has died, and starts it
/// again without. What a point needs beyond the usual changes to be reached at all is done beside them.
/// </summary>
internal sealed class FailpointRun(FaultRun run, string point, bool atHub)
{
    private const int KilledBySigKill = 128 + 9;

    private static readonly TimeSpan s_reachLimit = TimeSpan.FromSeconds(60);

    private static readonly string[] s_needBeginning =
        [StorageFailpoints.MigrationRun, StorageFailpoints.MigrationCommitted, StorageFailpoints.SetAsideBegun, StorageFailpoints.SetAsideDone];

    private readonly FaultWorld _world = run.World;

    private string LogFile => atHub ? _world.Cloud.LogFile : _world.Edge.LogFile;

    public async Task RunAsync()
    {
        await StopAsync();
        if (s_needBeginning.Contains(point))
        {
            SpoilDatabase();
        }

        var before = Markers();
        Arm(point);
        Start();
        Arm(null);
        await run.DuringAsync(async () =>
        {
            using var ending = new CancellationTokenSource();
            var pushing = PushAsync(ending.Token);
            await DieAsync();
            await ending.CancelAsync();
            if (atHub)
            {
                await _world.Cloud.StartAsync();
            }
            else
            {
                _world.Edge.Start();
            }

            await pushing; // its last change may have waited for the program
        });
        Assert.Equal(before + 1, Markers());
    }

    private async Task DieAsync() => Assert.Equal(
        KilledBySigKill, await (atHub ? _world.Cloud.ExitAsync(s_reachLimit) : _world.Edge.ExitAsync(s_reachLimit)));

    /// <summary>Stimuli for points that the workload alone would reach late or never; they end when the program is dead.</summary>
    private async Task PushAsync(CancellationToken until)
    {
        Func<Task>? push = point switch
        {
            _ when point.StartsWith("hub.daemonset.", StringComparison.Ordinal) => run.Workload.DaemonSetAsync,
            HubFailpoints.DependentDeleted => run.Workload.DaemonSetAsync,
            HubFailpoints.PodDeleted or HubFailpoints.PodStatusWritten => run.Workload.PodAsync,
            _ when point.StartsWith("edge.pod.", StringComparison.Ordinal) => run.Workload.PodAsync,
            HubFailpoints.SessionLeft => RestartEdgeAsync,
            HubFailpoints.CertificateSigned or HubFailpoints.CertificateSent => JoinAnotherAsync,
            _ => null,
        };
        while (push is not null && !until.IsCancellationRequested)
        {
            await push();
            await Task.Delay(TimeSpan.FromMilliseconds(300), CancellationToken.None);
        }
    }

    private async Task RestartEdgeAsync()
    {
        await _world.Edge.KillAsync();
        _world.Edge.Start();
        await Task.Delay(TimeSpan.FromSeconds(2));
    }

    /// <summary>Another box asks for a certificate, and never runs.</summary>
    private async Task JoinAnotherAsync()
    {
        using var folder = new TempFolder();
        await ProgramsCommand.RunAsync(
            ProgramsLocation.EdgeCore,
            ["join", "--cloudcore-ipport=" + _world.Cloud.HubAddress, "--token=" + await _world.Cloud.GetTokenAsync(),
                "--node-name=another", "--data-dir", folder.File("edge"), "--remote-runtime-endpoint", _world.World.Runtime.Endpoint],
            limit: TimeSpan.FromSeconds(60), place: _world.Edge.Place);
    }

    private void SpoilDatabase()
    {
        foreach (var suffix in (string[])["-wal", "-shm"])
        {
            File.Delete(_world.Edge.DatabaseFile + suffix);
        }

        if (point.StartsWith("storage.migration.", StringComparison.Ordinal))
        {
            File.Delete(_world.Edge.DatabaseFile);
        }
        else
        {
            File.WriteAllText(_world.Edge.DatabaseFile, new string('?', 8192));
        }
    }

    private async Task StopAsync()
    {
        if (atHub)
        {
            await _world.Cloud.StopAsync();
        }
        else
        {
            await _world.Edge.StopAsync();
        }
    }

    private void Start()
    {
        if (atHub)
        {
            _world.Cloud.Launch();
        }
        else
        {
            _world.Edge.Start();
        }
    }

    private void Arm(string? name)
    {
        if (atHub)
        {
            _world.Cloud.Place = Armed(_world.Cloud.Place, name);
        }
        else
        {
            _world.Edge.Place = Armed(_world.Edge.Place, name);
        }
    }

    private static ProgramsPlace Armed(ProgramsPlace place, string? name) => place with
    {
        Environment = name is null ? place.Environment.Remove(Failpoint.Variable) : place.Environment.SetItem(Failpoint.Variable, name),
    };

    private int Markers() => File.ReadLines(LogFile).Count(l => l == Failpoint.Marker + point);
}
