using System.Net;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>A request of the cloud that cannot be served as asked: becomes an HTTP answer with the message as text.</summary>
internal sealed class KubeletException(HttpStatusCode status, string message) : Exception(message)
{
    public HttpStatusCode Status { get; } = status;
}
