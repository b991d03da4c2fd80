namespace EdgeSync.CloudCore.EmbeddedApi;

/// <summary>
/// Holds requests to this program's own API back until its server listens. Before that, and for good where the port is taken,
/// it is somebody else who would answer there.
/// </summary>
internal sealed class OnceServing(HttpMessageHandler inner, Task serving) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        await serving.WaitAsync(cancellationToken);
        return await base.SendAsync(request, cancellationToken);
    }
}
