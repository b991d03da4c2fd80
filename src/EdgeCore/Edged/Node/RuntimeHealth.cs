using EdgeSync.EdgeCore.Edged.Cri;

namespace EdgeSync.EdgeCore.Edged.Node;

/// <summary>The container runtime as the node's status shows it. Asked from time to time; never waited for.</summary>
internal sealed class RuntimeHealth(CriClient cri, TimeProvider time)
{
    /// <summary>A runtime that restarts is no reason to call the node unready (the kubelet's figure).</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _version = "";
    private string _problem = "the container runtime has not answered yet";
    private long _lastGood = -1;

    /// <summary><c>containerd://1.7.0</c>; empty before the first answer.</summary>
    public string Version => _version;

    /// <summary>Why no pods can run; null while they can.</summary>
    public string? Problem =>
        _lastGood >= 0 && time.GetElapsedTime(_lastGood) < s_patience ? null : _problem;

    /// <summary>Until the runtime has been asked once, whatever it said; no longer than <paramref name="most"/>.</summary>
    public async Task HeardAsync(TimeSpan most, CancellationToken cancellationToken) =>
        await Task.WhenAny(_heard.Task, Task.Delay(most, time, cancellationToken));

    public async Task AskAsync(CancellationToken cancellationToken)
    {
        try
        {
            var version = await cri.VersionAsync(cancellationToken);
            var status = await cri.StatusAsync(cancellationToken);
            _version = $"{version.RuntimeName}://{version.RuntimeVersion}";
            if (status.Conditions.FirstOrDefault(c => !c.Status) is { } bad)
            {
                _problem = $"container runtime: {bad.Type} is false: {bad.Reason}: {bad.Message}";
                return;
            }

            _lastGood = time.GetTimestamp();
        }
        catch (CriException e)
        {
            _problem = e.Message;
        }
        finally
        {
            _heard.TrySetResult();
        }
    }
}
