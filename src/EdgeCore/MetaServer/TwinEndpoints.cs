using System.Buffers;
using System.Net;
using System.Text.Encodings.Web;
using System.Text.Json;
using EdgeSync.Protocol.Devices;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.MetaServer;

/// <summary>
/// Twins for apps on the box, over HTTP on loopback. Served from memory: an answer never waits for the cloud, the
/// broker or the disk.
/// <code>
/// GET /twins                        {"items":[{"namespace","device","state"?,"properties":n}…]}
/// GET /twins/{namespace}            the same, of one namespace
/// GET /twins/{namespace}/{device}   {"namespace","device","uid","state","lastOnlineTime"?,
///                                    "twins":{PROPERTY:{"desired":SIDE?,"reported":SIDE?,"type"}}}
/// SIDE = {"value","timestamp":Unix ms,"time":RFC 3339,"version":{"cloud","edge"}}
/// </code>
/// </summary>
internal static class TwinEndpoints
{
    private static readonly JsonWriterOptions s_writerOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Maps the endpoints; the listener must be bound to loopback.</summary>
    public static void MapTwins(this IEndpointRouteBuilder endpoints, DeviceTwin.DeviceTwin twins)
    {
        endpoints.MapGet("/twins", context => OnLoopbackAsync(context, () => ListAsync(context, twins, null)));
        endpoints.MapGet("/twins/{namespace}", context => OnLoopbackAsync(context, () => ListAsync(context, twins, Route(context, "namespace"))));
        endpoints.MapGet("/twins/{namespace}/{device}", context => OnLoopbackAsync(context, () => GetAsync(context, twins)));
    }

    /// <summary>
    /// Only names of this machine are answered: a web page that points its own name at 127.0.0.1 (DNS rebinding) would
    /// otherwise read twins through the browser of whoever opens it here.
    /// </summary>
    private static Task OnLoopbackAsync(HttpContext context, Func<Task> answer)
    {
        var host = context.Request.Host.Host;
        var isLoopback = host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
        return isLoopback
            ? answer()
            : FailAsync(context, StatusCodes.Status403Forbidden, "Forbidden", $"host \"{host}\" is not this machine; ask http://127.0.0.1 or http://localhost");
    }

    private static Task ListAsync(HttpContext context, DeviceTwin.DeviceTwin twins, string? ns) => WriteAsync(context, StatusCodes.Status200OK, json =>
    {
        json.WriteStartArray("items"u8);
        foreach (var document in twins.Twins.Values
            .Where(d => ns is null || d.Id.Namespace == ns)
            .OrderBy(d => d.Id.Namespace, StringComparer.Ordinal).ThenBy(d => d.Id.Name, StringComparer.Ordinal))
        {
            json.WriteStartObject();
            json.WriteString("namespace"u8, document.Id.Namespace);
            json.WriteString("device"u8, document.Id.Name);
            if (document.State.Length > 0)
            {
                json.WriteString("state"u8, document.State);
            }

            json.WriteNumber("properties"u8, document.Properties.Values.Count(p => !p.IsDeleted));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    private static Task GetAsync(HttpContext context, DeviceTwin.DeviceTwin twins)
    {
        var id = new DeviceId(Route(context, "namespace"), Route(context, "device"));
        return twins.Twins.GetValueOrDefault(id) is { } document
            ? WriteAsync(context, StatusCodes.Status200OK, json => WriteDocument(json, document))
            : FailAsync(
                context, StatusCodes.Status404NotFound, "NotFound",
                $"device {id} is not known on this node; GET /twins lists the devices that are");
    }

    private static void WriteDocument(Utf8JsonWriter json, TwinDocument document)
    {
        json.WriteString("namespace"u8, document.Id.Namespace);
        json.WriteString("device"u8, document.Id.Name);
        json.WriteString("uid"u8, document.Uid);
        json.WriteString("state"u8, document.State);
        if (document.LastOnline > 0)
        {
            json.WriteString("lastOnlineTime"u8, KubeTime.Format(DateTimeOffset.FromUnixTimeMilliseconds(document.LastOnline)));
        }

        json.WriteStartObject("twins"u8);
        foreach (var (name, entry) in document.Properties.OrderBy(p => p.Key, StringComparer.Ordinal))
        {
            if (entry.IsDeleted)
            {
                continue;
            }

            json.WriteStartObject(name);
            WriteSide(json, "desired"u8, entry.Expected);
            WriteSide(json, "reported"u8, entry.Actual);
            json.WriteString("type"u8, entry.Type);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteSide(Utf8JsonWriter json, ReadOnlySpan<byte> name, TwinSide side)
    {
        if (side.Value is null)
        {
            return;
        }

        json.WriteStartObject(name);
        json.WriteString("value"u8, side.Value);
        json.WriteNumber("timestamp"u8, side.Timestamp);
        if (side.Timestamp is > 0 and < 253_402_300_800_000)
        {
            // a mapper's own timestamp may be any number; the year 10000 is too late for RFC 3339
            json.WriteString("time"u8, KubeTime.FormatMicro(DateTimeOffset.FromUnixTimeMilliseconds(side.Timestamp)));
        }

        json.WriteStartObject("version"u8);
        json.WriteNumber("cloud"u8, side.Version.Cloud);
        json.WriteNumber("edge"u8, side.Version.Edge);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>A failure as Kubernetes' Status, which kubectl and client libraries understand.</summary>
    private static Task FailAsync(HttpContext context, int code, string reason, string message) => WriteAsync(context, code, json =>
    {
        json.WriteString("kind"u8, "Status"u8);
        json.WriteString("apiVersion"u8, "v1"u8);
        json.WriteString("status"u8, "Failure"u8);
        json.WriteString("message"u8, message);
        json.WriteString("reason"u8, reason);
        json.WriteNumber("code"u8, code);
    });

    private static async Task WriteAsync(HttpContext context, int code, Action<Utf8JsonWriter> members)
    {
        var output = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(output, s_writerOptions))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }

        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = output.WrittenCount;
        await context.Response.Body.WriteAsync(output.WrittenMemory, context.RequestAborted);
    }

    private static string Route(HttpContext context, string name) => context.Request.RouteValues[name] as string ?? "";
}
