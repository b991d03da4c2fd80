using System.Text;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>/healthz, /livez and /readyz, for everybody.</summary>
internal static class HealthEndpoints
{
    /// <summary>Null where the path is none of them.</summary>
    public static Reply? Answer(string path, bool stopping) => path switch
    {
        "/healthz" or "/livez" or "/healthz/ping" or "/livez/ping" => new Reply(200, "ok"),
        "/readyz" when stopping => new Reply(503, "shutting down"),
        "/readyz" => new Reply(200, "ok"),
        _ => null,
    };

    /// <summary>A short text.</summary>
    public sealed record Reply(int Code, string Text)
    {
        public async Task WriteAsync(HttpContext context)
        {
            context.Response.StatusCode = Code;
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.BodyWriter.WriteAsync(Encoding.ASCII.GetBytes(Text), context.RequestAborted);
        }
    }
}
