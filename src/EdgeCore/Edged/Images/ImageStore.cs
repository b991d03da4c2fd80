using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Pods;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Images;

/// <summary>An image that is there (<paramref name="Image"/>), or why it is not yet.</summary>
internal readonly record struct ImageOutcome(Image? Image, WaitingReason Waiting);

/// <summary>
/// Sees that containers' images are in the runtime's store. Pulls run beside the pods' workers, one per image, two at
/// a time; who waits is woken when its pull ends. What is in the store is always good enough for a restart: the
/// network is asked only for a pod's first container, and even then an image at hand is used when no answer comes.
/// </summary>
internal sealed partial class ImageStore(
    CriClient cri, RegistryAuth auth, TimeProvider time, ILogger<ImageStore> logger) : IAsyncDisposable
{
    /// <summary>How long policy Always waits for a registry while an image is at hand.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Pull> _pulls = []; // guarded by _gate
    private readonly SemaphoreSlim _slots = new(2);
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Looks for the image and begins what is needed to have it.</summary>
    /// <param name="pod">Whose pull secrets count.</param>
    /// <param name="container">Whose image it is.</param>
    /// <param name="isFirst">The pod's first container of that name: policy Always asks the registry.</param>
    /// <param name="wake">Called when there is something new.</param>
    /// <param name="cancellationToken">Ends the look into the store, not the pull.</param>
    public async Task<ImageOutcome> EnsureAsync(
        WantedPod pod, Container container, bool isFirst, Action wake, CancellationToken cancellationToken)
    {
        var name = container.Image;
        var present = await cri.ImageStatusAsync(name, cancellationToken);
        var policy = Policy(container);
        if (present is not null && (policy != "Always" || !isFirst))
        {
            return new ImageOutcome(present, default);
        }

        if (policy == "Never")
        {
            return new ImageOutcome(null, new WaitingReason(
                "ErrImageNeverPull", $"Container image \"{name}\" is not present with pull policy of Never"));
        }

        var pull = Begin(pod, name);
        if (present is not null)
        {
            return await UpdateOrUseAsync(pull, present, cancellationToken);
        }

        pull.WakeWhenDone(wake);
        return new ImageOutcome(null, pull.Waiting(name));
    }

    /// <summary>Lets failed pulls try again now: the link is back.</summary>
    public void RetryNow()
    {
        lock (_gate)
        {
            foreach (var pull in _pulls.Values)
            {
                pull.EndWait();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        Task[] running;
        lock (_gate)
        {
            running = [.. _pulls.Values.Select(p => p.Task)];
        }

        await Task.WhenAll(running);
        _slots.Dispose();
        _stop.Dispose();
    }

    private static string Policy(Container container)
    {
        if (container.ImagePullPolicy is { Length: > 0 } policy)
        {
            return policy;
        }

        var afterSlash = container.Image[(container.Image.LastIndexOf('/') + 1)..];
        var isLatest = !afterSlash.Contains('@', StringComparison.Ordinal)
            && (!afterSlash.Contains(':', StringComparison.Ordinal) || afterSlash.EndsWith(":latest", StringComparison.Ordinal));
        return isLatest ? "Always" : "IfNotPresent";
    }

    private static async Task<ImageOutcome> UpdateOrUseAsync(Pull pull, Image present, CancellationToken cancellationToken)
    {
        // a failed pull goes on trying in the background; this start does not wait for it
        await Task.WhenAny(pull.FirstTry, Task.Delay(s_patience, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
        return new ImageOutcome(pull.Pulled ?? present, default);
    }

    private Pull Begin(WantedPod pod, string image)
    {
        lock (_gate)
        {
            if (_pulls.TryGetValue(image, out var running))
            {
                return running;
            }

            var pull = new Pull(time);
            _pulls[image] = pull;
            pull.Task = Task.Run(() => RunAsync(pull, pod, image), CancellationToken.None);
            return pull;
        }
    }

    private async Task RunAsync(Pull pull, WantedPod pod, string image)
    {
        try
        {
            while (!await TryAsync(pull, pod, image))
            {
                await pull.WaitAsync(_stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // the agent stops
        }
        finally
        {
            lock (_gate)
            {
                _pulls.Remove(image);
            }

            pull.Finish();
        }
    }

    /// <returns>Whether there is nothing more to try.</returns>
    private async Task<bool> TryAsync(Pull pull, WantedPod pod, string image)
    {
        await _slots.WaitAsync(_stop.Token);
        try
        {
            var credentials = auth.Find(pod.Namespace, pod.Spec.ImagePullSecrets.Select(s => s.Name), image);
            LogPulling(image, pod.Describe);
            var reference = await cri.PullImageAsync(image, credentials, _stop.Token);
            pull.Succeed(await cri.ImageStatusAsync(reference, _stop.Token));
            LogPulled(image);
            return true;
        }
        catch (CriException e)
        {
            // what is wanted by nobody any more is not tried for ever
            var wait = pull.Fail(e.Message);
            LogPullFailed(image, wait, e.Message);
            return pull.IsAbandoned;
        }
        finally
        {
            _slots.Release();
        }
    }

    [LoggerMessage(LogLevel.Information, "Pulling image {Image} for {Pod}")]
    private partial void LogPulling(string image, string pod);

    [LoggerMessage(LogLevel.Information, "Pulled image {Image}")]
    private partial void LogPulled(string image);

    [LoggerMessage(LogLevel.Warning, "Pulling image {Image} failed, next try in {Wait}: {Reason}")]
    private partial void LogPullFailed(string image, TimeSpan wait, string reason);
}
