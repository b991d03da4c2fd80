using System.Net;
using EdgeSync.EdgeCore.Edged;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Protocol.Kubernetes;
using EdgeSync.Protocol.Wire;
using ContainerState = EdgeSync.EdgeCore.Edged.Cri.ContainerState;
using CriContainer = EdgeSync.EdgeCore.Edged.Cri.Container;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>Which container of this node a request means.</summary>
/// <param name="Namespace">The pod's.</param>
/// <param name="Pod">The pod's name.</param>
/// <param name="Name">The container's name in the pod.</param>
internal sealed record ContainerAddress(string Namespace, string Pod, string Name);

/// <summary>Finds pods' containers in the runtime, also those of pods that the hub has not sent.</summary>
internal sealed class ContainerLookup(CriClient cri, MetaManager.MetaManager objects, EdgedSettings settings)
{
    /// <summary>The container that runs.</summary>
    /// <exception cref="KubeletException">It does not.</exception>
    public async Task<CriContainer> RunningAsync(ContainerAddress address, CancellationToken cancellationToken) =>
        (await ListAsync(address, cancellationToken)).FirstOrDefault(c => c.State == ContainerState.ContainerRunning)
        ?? throw new KubeletException(HttpStatusCode.NotFound, $"container not found (\"{address.Name}\")");

    /// <summary>The container whose log is meant: the newest, or the one before it.</summary>
    /// <exception cref="KubeletException">There is none yet, or none at all.</exception>
    public async Task<CriContainer> LoggedAsync(ContainerAddress address, bool previous, CancellationToken cancellationToken)
    {
        var all = await ListAsync(address, cancellationToken);
        if (previous)
        {
            // of one pod: a pod of the same name that was here before had its own containers
            return all.Where(c => Label(c, PodLabels.PodUid) == Label(all[0], PodLabels.PodUid)).Skip(1).FirstOrDefault()
                ?? throw new KubeletException(
                    HttpStatusCode.BadRequest, $"previous terminated container \"{address.Name}\" in pod \"{address.Pod}\" not found");
        }

        return all.Count > 0 ? all[0] : throw Missing(address);
    }

    /// <summary>Where the runtime writes a container's log.</summary>
    public string LogFile(CriContainer container) => Path.Combine(
        SandboxOptions.LogFolder(
            Label(container, PodLabels.PodNamespace), Label(container, PodLabels.PodName), Label(container, PodLabels.PodUid), settings),
        ContainerOptions.LogPath(Label(container, PodLabels.ContainerName), (int)container.Metadata.Attempt));

    /// <summary>The sandbox of a pod that is ready.</summary>
    /// <exception cref="KubeletException">There is none.</exception>
    public async Task<string> SandboxAsync(string ns, string pod, CancellationToken cancellationToken) =>
        (await cri.ListPodSandboxAsync(Labels(ns, pod), cancellationToken))
            .Where(s => s.State == PodSandboxState.SandboxReady)
            .MaxBy(s => s.CreatedAt)?.Id
        ?? throw new KubeletException(HttpStatusCode.NotFound, $"pod \"{pod}\" in namespace \"{ns}\" does not run on this node");

    /// <summary>Whether the container was made with a terminal.</summary>
    public bool HasTty(ContainerAddress address) =>
        Spec(address) is { } spec && spec.Containers.Concat(spec.InitContainers).FirstOrDefault(c => c.Name == address.Name) is { Tty: true };

    /// <summary>Newest first.</summary>
    private async Task<IReadOnlyList<CriContainer>> ListAsync(ContainerAddress address, CancellationToken cancellationToken)
    {
        var labels = Labels(address.Namespace, address.Pod);
        labels[PodLabels.ContainerName] = address.Name;
        var found = await cri.ListContainersAsync(labels, cancellationToken);
        return [.. found.OrderByDescending(c => c.CreatedAt).ThenByDescending(c => c.Metadata.Attempt)];
    }

    private Dictionary<string, string> Labels(string ns, string pod) => new()
    {
        [PodLabels.Node] = settings.NodeName,
        [PodLabels.PodNamespace] = ns,
        [PodLabels.PodName] = pod,
    };

    private static string Label(CriContainer container, string name) => container.Labels.TryGetValue(name, out var value) ? value : "";

    private KubeletException Missing(ContainerAddress address)
    {
        if (Spec(address) is not { } spec)
        {
            return new KubeletException(HttpStatusCode.NotFound, $"pod \"{address.Pod}\" in namespace \"{address.Namespace}\" is not on this node");
        }

        return spec.Containers.Concat(spec.InitContainers).Any(c => c.Name == address.Name)
            ? new KubeletException(
                HttpStatusCode.BadRequest, $"container \"{address.Name}\" in pod \"{address.Pod}\" is waiting to start: ContainerCreating")
            : new KubeletException(HttpStatusCode.NotFound, $"container \"{address.Name}\" not found in pod \"{address.Pod}_{address.Namespace}\"");
    }

    private PodSpec? Spec(ContainerAddress address)
    {
        try
        {
            return objects.Get(new ObjectKey(address.Namespace, ResourceTypes.Pod, address.Pod)) is { } stored ? WantedPod.Read(stored).Spec : null;
        }
        catch (KubeObjectException)
        {
            return null; // what cannot be read is as good as not there
        }
    }
}
