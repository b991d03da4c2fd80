using System.Text;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>
/// /healthz, /livez and /readyz, for everybody, as Kubernetes has them: each is a list of checks, of which <c>?verbose</c> shows all,
/// <c>?exclude=NAME</c> leaves one out, and <c>/livez/NAME</c> asks for one.
/// </summary>
internal static class HealthEndpoints
{
    private static readonly string[] s_live = ["ping", "log", "storage"];
    private static readonly string[] s_ready = ["ping", "log", "storage", "informer-sync", "shutdown"];

    /// <summary>Null where the path is none of them.</summary>
    /// <param name="request">The request.</param>
    /// <param name="storageFailed">Whether nothing can be stored any more.</param>
    /// <param name="stopping">Whether the server is about to end.</param>
    public static Reply? Answer(HttpRequest request, bool storageFailed, bool stopping)
    {
        var parts = (request.Path.Value ?? "").Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (parts is not ["healthz" or "livez" or "readyz", ..] || parts.Length > 2)
        {
            return null;
        }

        var checks = parts[0] == "readyz" ? s_ready : s_live;
        if (parts.Length == 1)
        {
            return All(parts[0], checks, request, Failed);
        }

        return !checks.Contains(parts[1]) ? null
            : Failed(parts[1]) ? new Reply(500, $"internal server error: {parts[1]} failed\n")
            : new Reply(200, "ok");

        bool Failed(string check) => (check == "storage" && storageFailed) || (check == "shutdown" && stopping);
    }

    private static Reply All(string name, string[] checks, HttpRequest request, Func<string, bool> failed)
    {
        var excluded = request.Query["exclude"].SelectMany(e => (e ?? "").Split(',')).Where(e => e.Length > 0).ToHashSet();
        var text = new StringBuilder();
        var wrong = false;
        foreach (var check in checks)
        {
            if (excluded.Remove(check))
            {
                text.Append("[+]").Append(check).Append(" excluded: ok\n");
            }
            else if (failed(check))
            {
                wrong = true;
                text.Append("[-]").Append(check).Append(" failed: reason withheld\n");
            }
            else
            {
                text.Append("[+]").Append(check).Append(" ok\n");
            }
        }

        foreach (var unknown in excluded)
        {
            text.Append("warn: some health checks cannot be excluded: no matches for \"").Append(unknown).Append("\"\n");
        }

        if (wrong)
        {
            return new Reply(500, text.Append(name).Append(" check failed\n").ToString());
        }

        return request.Query.ContainsKey("verbose")
            ? new Reply(200, text.Append(name).Append(" check passed\n").ToString())
            : new Reply(200, "ok");
    }

    /// <summary>A short text.</summary>
    public sealed record Reply(int Code, string Text)
    {
        public async Task WriteAsync(HttpContext context)
        {
            context.Response.StatusCode = Code;
            context.Response.ContentType = "text/plain; charset=utf-8";
            context.Response.Headers.CacheControl = "no-cache, private";
            context.Response.Headers.XContentTypeOptions = "nosniff";
            await context.Response.BodyWriter.WriteAsync(Encoding.UTF8.GetBytes(Text), context.RequestAborted);
        }
    }
}
