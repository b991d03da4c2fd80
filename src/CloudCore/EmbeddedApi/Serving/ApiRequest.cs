using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>One request for a resource, after its path has been understood and its caller let in.</summary>
internal sealed class ApiRequest(HttpContext context, RequestInfo path, ResourceDescriptor resource)
{
    private readonly List<string> _warnings = [];

    public HttpContext Context => context;

    public RequestInfo Path => path;

    public ResourceDescriptor Resource => resource;

    /// <summary>Who asks, after impersonation.</summary>
    public required UserInfo User { get; init; }

    /// <summary>Throws 403 unless the user may also create: asked where an update or an apply makes an object that is not there.</summary>
    public required Action DemandCreate { get; init; }

    public NamespacedName Key => new(path.Namespace, path.Name);

    public CancellationToken Aborted => context.RequestAborted;

    /// <summary>How the answer is to be written.</summary>
    public ResponseForm Form { get; } = ResponseForm.Parse(context.Request);

    /// <summary>Whether everything is to be checked and answered, but nothing stored.</summary>
    public bool DryRun => Query("dryRun").Length > 0;

    /// <summary>The query parameter, or empty.</summary>
    public string Query(string name) => context.Request.Query[name].ToString();

    /// <summary>As Kubernetes reads a flag of a query: there, and neither false nor 0.</summary>
    public bool QueryIsTrue(string name) =>
        context.Request.Query.TryGetValue(name, out var values) && values.ToString().ToLowerInvariant() is not ("false" or "0");

    /// <exception cref="ApiException">400 where it is not a number.</exception>
    public long? QueryNumber(string name)
    {
        var text = Query(name);
        if (text.Length == 0)
        {
            return null;
        }

        return long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw ApiException.BadRequest($"invalid query parameter {name}: \"{text}\" is not a number");
    }

    /// <summary>Tells the caller something beside the answer; kubectl prints it.</summary>
    public void Warn(string text)
    {
        if (_warnings.Contains(text))
        {
            return;
        }

        // a header takes printable ASCII only; the text may quote the caller's own words
        _warnings.Add(text);
        var escaped = string.Concat(text.Select(c => c is '\\' or '"' ? $"\\{c}" : c is >= ' ' and <= '~' ? $"{c}" : "?"));
        context.Response.Headers.Append("Warning", $"299 - \"{escaped}\"");
    }

    /// <summary>The body as an object.</summary>
    /// <exception cref="ApiException">400, 413 or 415 where it is none.</exception>
    public Task<JsonObject> ReadObjectAsync(int limit, TypeSchema? type) => BodyReader.ReadObjectAsync(context, limit, type, Aborted);

    /// <summary>Answers with what is given as JSON, in the form that was asked for.</summary>
    public async Task RespondAsync(int code, ReadOnlyMemory<byte> json)
    {
        var bytes = Form.IsYaml ? YamlAnswer.Of(json) : json;
        context.Response.StatusCode = code;
        context.Response.ContentType = Form.ContentType;
        await using (var body = ResponseBody.Open(context, bytes.Length))
        {
            if (context.Response.Headers.ContentEncoding.Count == 0)
            {
                context.Response.ContentLength = bytes.Length;
            }

            await body.Writer.WriteAsync(bytes, Aborted);
        }

        Failpoint.Hit(HubFailpoints.ChangeAnswered);
    }
}
