using System.Globalization;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Validation;
using EdgeSync.Protocol.Kubernetes;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace EdgeSync.CloudCore.CloudStream;

/// <summary>The subresources of pods that are streams, at the embedded API: log, exec, attach, portforward.</summary>
internal sealed class PodSubresources(PodStreams streams)
{
    private static readonly ResourceDescriptor s_logOptions = Options("PodLogOptions");

    /// <summary>Serves a request whose caller has been let in.</summary>
    public async Task HandleAsync(ApiRequest request, StoredObject stored)
    {
        var pod = JsonSerializer.Deserialize(stored.Json, KubernetesJson.Default.Pod) ?? throw ApiException.NotFound(request.Resource, request.Path.Name);
        var context = request.Context;
        switch (context.Request.Method, request.Path.Subresource)
        {
            case ("GET", "log"):
                await LogAsync(request, pod);
                break;
            case ("GET" or "POST", "exec" or "attach"):
                await streams.RemoteCommandAsync(context, Target(request, pod, Container(request, pod)), request.Path.Subresource);
                break;
            case ("GET" or "POST", "portforward"):
                if (pod.Status?.Phase is not "Running")
                {
                    throw ApiException.BadRequest($"pod {request.Path.Name} is not running: its phase is {pod.Status?.Phase ?? "Pending"}");
                }

                await streams.PortForwardAsync(context, Target(request, pod, ""));
                break;
            default:
                throw ApiException.MethodNotAllowed();
        }
    }

    private async Task LogAsync(ApiRequest request, Pod pod)
    {
        var query = LogQuery(request);
        var container = Container(request, pod);
        if (string.IsNullOrEmpty(pod.Spec?.NodeName))
        {
            request.Context.Response.ContentType = "text/plain"; // nothing has run, so there is nothing to say
            return;
        }

        await streams.LogsAsync(request.Context, Target(request, pod, container), query);
    }

    /// <summary>PodLogOptions, checked as Kubernetes does, and as a kubelet is asked.</summary>
    private static string LogQuery(ApiRequest request)
    {
        var given = QueryHelpers.ParseQuery(request.Context.Request.QueryString.Value);
        var errors = new FieldErrors();
        var query = new List<KeyValuePair<string, string?>>();
        foreach (var flag in new[] { "follow", "previous", "timestamps" })
        {
            if (Text(given, flag) is { Length: > 0 } text)
            {
                query.Add(new(flag, text is "true" or "1" ? "true" : text is "false" or "0" ? "false" : throw ApiException.BadRequest($"invalid query parameter {flag}: \"{text}\" is neither true nor false")));
            }
        }

        foreach (var (name, least, words) in new[]
        {
            ("tailLines", 0L, "must be greater than or equal to 0"), ("limitBytes", 1L, "must be greater than 0"), ("sinceSeconds", 1L, "must be greater than 0"),
        })
        {
            if (request.QueryNumber(name) is { } number)
            {
                query.Add(new(name, number.ToString(CultureInfo.InvariantCulture)));
                if (number < least)
                {
                    errors.Invalid(name, number, words);
                }
            }
        }

        if (Text(given, "sinceTime") is { Length: > 0 } since)
        {
            if (!DateTimeOffset.TryParse(since, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out _))
            {
                throw ApiException.BadRequest($"invalid query parameter sinceTime: \"{since}\" is not an RFC 3339 time");
            }

            query.Add(new("sinceTime", since));
            if (Text(given, "sinceSeconds").Length > 0)
            {
                errors.Forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified");
            }
        }

        errors.ThrowIfAny(s_logOptions, "");
        return RemoteQuery.Write(query);
    }

    private static string Text(Dictionary<string, StringValues> query, string name) => query.GetValueOrDefault(name, StringValues.Empty).ToString();

    private static PodTarget Target(ApiRequest request, Pod pod, string container) => pod.Spec?.NodeName is { Length: > 0 } node
        ? new PodTarget(node, request.Path.Namespace, request.Path.Name, container)
        : throw ApiException.BadRequest($"pod {request.Path.Name} does not have a host assigned");

    /// <summary>The container that is meant: the one that is named, or the only one.</summary>
    private static string Container(ApiRequest request, Pod pod)
    {
        var containers = pod.Spec?.Containers ?? [];
        var initContainers = pod.Spec?.InitContainers ?? [];
        var named = request.Query("container");
        if (named.Length > 0)
        {
            return containers.Concat(initContainers).Any(c => c.Name == named)
                ? named
                : throw ApiException.BadRequest($"container {named} is not valid for pod {request.Path.Name}");
        }

        if (containers.Count == 1)
        {
            return containers[0].Name;
        }

        var choice = $"a container name must be specified for pod {request.Path.Name}, choose one of: [{string.Join(' ', containers.Select(c => c.Name))}]";
        throw ApiException.BadRequest(initContainers.Count == 0 ? choice : $"{choice} or one of the init containers: [{string.Join(' ', initContainers.Select(c => c.Name))}]");
    }

    /// <summary>A kind that is never stored: for the words of its errors.</summary>
    private static ResourceDescriptor Options(string kind) => new()
    {
        Version = "v1",
        Plural = kind.ToLowerInvariant(),
        Singular = kind.ToLowerInvariant(),
        Kind = kind,
    };
}
