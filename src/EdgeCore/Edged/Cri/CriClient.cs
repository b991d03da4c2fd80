namespace EdgeSync.EdgeCore.Edged.Cri;

/// <summary>
/// The container runtime as the agent uses it: CRI v1's RuntimeService and ImageService, one method per call, each
/// with the deadline that fits it. Removing or stopping what is already gone is no error.
/// </summary>
internal sealed class CriClient(CriChannel channel) : IDisposable
{
    private const string Runtime = "runtime.v1.RuntimeService/";
    private const string Images = "runtime.v1.ImageService/";

    /// <summary>For calls that read.</summary>
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(20);

    /// <summary>For calls that make or remove things; KubeEdge's runtimeRequestTimeout.</summary>
    private static readonly TimeSpan s_long = TimeSpan.FromMinutes(2);

    /// <summary>A big image over a thin link takes its time; the runtime itself ends a pull without progress.</summary>
    private static readonly TimeSpan s_pull = TimeSpan.FromHours(2);

    public Task<VersionResponse> VersionAsync(CancellationToken cancellationToken) =>
        channel.CallAsync(Runtime + "Version", new VersionRequest(), VersionResponse.Parser, s_short, cancellationToken);

    public async Task<RuntimeStatus> StatusAsync(CancellationToken cancellationToken) =>
        (await channel.CallAsync(Runtime + "Status", new StatusRequest(), StatusResponse.Parser, s_short, cancellationToken))
            .Status ?? new RuntimeStatus();

    /// <returns>The sandbox's id.</returns>
    public async Task<string> RunPodSandboxAsync(PodSandboxConfig config, string runtimeHandler, CancellationToken cancellationToken) =>
        (await channel.CallAsync(
            Runtime + "RunPodSandbox",
            new RunPodSandboxRequest { Config = config, RuntimeHandler = runtimeHandler },
            RunPodSandboxResponse.Parser, s_long, cancellationToken)).PodSandboxId;

    public Task StopPodSandboxAsync(string id, CancellationToken cancellationToken) => IgnoreNotFoundAsync(channel.CallAsync(
        Runtime + "StopPodSandbox", new StopPodSandboxRequest { PodSandboxId = id }, StopPodSandboxResponse.Parser, s_long, cancellationToken));

    public Task RemovePodSandboxAsync(string id, CancellationToken cancellationToken) => IgnoreNotFoundAsync(channel.CallAsync(
        Runtime + "RemovePodSandbox", new RemovePodSandboxRequest { PodSandboxId = id }, RemovePodSandboxResponse.Parser, s_long, cancellationToken));

    public async Task<PodSandboxStatus> PodSandboxStatusAsync(string id, CancellationToken cancellationToken) =>
        (await channel.CallAsync(
            Runtime + "PodSandboxStatus", new PodSandboxStatusRequest { PodSandboxId = id },
            PodSandboxStatusResponse.Parser, s_short, cancellationToken)).Status;

    /// <summary>The sandboxes that have all these labels.</summary>
    public async Task<IReadOnlyList<PodSandbox>> ListPodSandboxAsync(
        IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken)
    {
        var filter = new PodSandboxFilter();
        filter.LabelSelector.Add(labels.ToDictionary());
        return (await channel.CallAsync(
            Runtime + "ListPodSandbox", new ListPodSandboxRequest { Filter = filter },
            ListPodSandboxResponse.Parser, s_short, cancellationToken)).Items;
    }

    /// <returns>The container's id.</returns>
    public async Task<string> CreateContainerAsync(
        string sandboxId, ContainerConfig config, PodSandboxConfig sandbox, CancellationToken cancellationToken) =>
        (await channel.CallAsync(
            Runtime + "CreateContainer",
            new CreateContainerRequest { PodSandboxId = sandboxId, Config = config, SandboxConfig = sandbox },
            CreateContainerResponse.Parser, s_long, cancellationToken)).ContainerId;

    public Task StartContainerAsync(string id, CancellationToken cancellationToken) => channel.CallAsync(
        Runtime + "StartContainer", new StartContainerRequest { ContainerId = id }, StartContainerResponse.Parser, s_long, cancellationToken);

    /// <summary>Completes when the container has ended: by its stop signal, or by the kill after <paramref name="grace"/>.</summary>
    public Task StopContainerAsync(string id, TimeSpan grace, CancellationToken cancellationToken) => IgnoreNotFoundAsync(channel.CallAsync(
        Runtime + "StopContainer",
        new StopContainerRequest { ContainerId = id, Timeout = (long)grace.TotalSeconds },
        StopContainerResponse.Parser, grace + s_long, cancellationToken));

    public Task RemoveContainerAsync(string id, CancellationToken cancellationToken) => IgnoreNotFoundAsync(channel.CallAsync(
        Runtime + "RemoveContainer", new RemoveContainerRequest { ContainerId = id }, RemoveContainerResponse.Parser, s_long, cancellationToken));

    /// <summary>The containers that have all these labels.</summary>
    public async Task<IReadOnlyList<Container>> ListContainersAsync(
        IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken)
    {
        var filter = new ContainerFilter();
        filter.LabelSelector.Add(labels.ToDictionary());
        return (await channel.CallAsync(
            Runtime + "ListContainers", new ListContainersRequest { Filter = filter },
            ListContainersResponse.Parser, s_short, cancellationToken)).Containers;
    }

    public async Task<ContainerStatus> ContainerStatusAsync(string id, CancellationToken cancellationToken) =>
        (await channel.CallAsync(
            Runtime + "ContainerStatus", new ContainerStatusRequest { ContainerId = id },
            ContainerStatusResponse.Parser, s_short, cancellationToken)).Status;

    /// <summary>Runs a command in a container; the runtime ends it after <paramref name="timeout"/>.</summary>
    public Task<ExecSyncResponse> ExecSyncAsync(
        string id, IEnumerable<string> command, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var request = new ExecSyncRequest { ContainerId = id, Timeout = Math.Max(1, (long)Math.Ceiling(timeout.TotalSeconds)) };
        request.Cmd.AddRange(command);
        return channel.CallAsync(
            Runtime + "ExecSync", request, ExecSyncResponse.Parser, timeout + TimeSpan.FromSeconds(5), cancellationToken);
    }

    /// <summary>Tells the runtime that a container's log file was moved away.</summary>
    public Task ReopenContainerLogAsync(string id, CancellationToken cancellationToken) => channel.CallAsync(
        Runtime + "ReopenContainerLog", new ReopenContainerLogRequest { ContainerId = id },
        ReopenContainerLogResponse.Parser, s_short, cancellationToken);

    /// <returns>The address of the runtime's streaming server for one connection, good for a minute.</returns>
    public async Task<Uri> ExecAsync(ExecRequest request, CancellationToken cancellationToken) =>
        new((await channel.CallAsync(Runtime + "Exec", request, ExecResponse.Parser, s_short, cancellationToken)).Url);

    /// <inheritdoc cref="ExecAsync"/>
    public async Task<Uri> AttachAsync(AttachRequest request, CancellationToken cancellationToken) =>
        new((await channel.CallAsync(Runtime + "Attach", request, AttachResponse.Parser, s_short, cancellationToken)).Url);

    /// <inheritdoc cref="ExecAsync"/>
    public async Task<Uri> PortForwardAsync(PortForwardRequest request, CancellationToken cancellationToken) =>
        new((await channel.CallAsync(Runtime + "PortForward", request, PortForwardResponse.Parser, s_short, cancellationToken)).Url);

    /// <summary>What the running containers with all these labels use.</summary>
    public async Task<IReadOnlyList<ContainerStats>> ListContainerStatsAsync(
        IReadOnlyDictionary<string, string> labels, CancellationToken cancellationToken)
    {
        var filter = new ContainerStatsFilter();
        filter.LabelSelector.Add(labels.ToDictionary());
        return (await channel.CallAsync(
            Runtime + "ListContainerStats", new ListContainerStatsRequest { Filter = filter },
            ListContainerStatsResponse.Parser, s_short, cancellationToken)).Stats;
    }

    /// <summary>What the images take on disk.</summary>
    public async Task<IReadOnlyList<FilesystemUsage>> ImageFsInfoAsync(CancellationToken cancellationToken) =>
        (await channel.CallAsync(
            Images + "ImageFsInfo", new ImageFsInfoRequest(), ImageFsInfoResponse.Parser, s_short, cancellationToken)).ImageFilesystems;

    /// <returns>The image, or null where the store does not hold it.</returns>
    public async Task<Image?> ImageStatusAsync(string image, CancellationToken cancellationToken) =>
        (await channel.CallAsync(
            Images + "ImageStatus", new ImageStatusRequest { Image = new ImageSpec { Image = image } },
            ImageStatusResponse.Parser, s_short, cancellationToken)).Image;

    /// <returns>The image's reference in the store.</returns>
    public async Task<string> PullImageAsync(string image, AuthConfig? auth, CancellationToken cancellationToken) =>
        (await channel.CallAsync(
            Images + "PullImage", new PullImageRequest { Image = new ImageSpec { Image = image }, Auth = auth },
            PullImageResponse.Parser, s_pull, cancellationToken)).ImageRef;

    public async Task<IReadOnlyList<Image>> ListImagesAsync(CancellationToken cancellationToken) =>
        (await channel.CallAsync(
            Images + "ListImages", new ListImagesRequest(), ListImagesResponse.Parser, s_short, cancellationToken)).Images;

    public Task RemoveImageAsync(string image, CancellationToken cancellationToken) => channel.CallAsync(
        Images + "RemoveImage", new RemoveImageRequest { Image = new ImageSpec { Image = image } },
        RemoveImageResponse.Parser, s_long, cancellationToken);

    public void Dispose() => channel.Dispose();

    private static async Task IgnoreNotFoundAsync(Task call)
    {
        try
        {
            await call;
        }
        catch (CriException e) when (e.Code == CriCode.NotFound)
        {
            // it is gone, which is what was asked for
        }
    }
}
