using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Tests.Replicas;

/// <summary>What becomes of one process's requests.</summary>
internal enum ApiFault
{
    None,

    /// <summary>Refused at once, and not carried out.</summary>
    Refused,

    /// <summary>No answer ever, and not carried out.</summary>
    Silent,

    /// <summary>Carried out, and no answer ever.</summary>
    AnswerLost,
}

/// <summary>
/// The API's one Lease under optimistic concurrency, in a <see cref="SimulatedWorld"/>: what a real server does is tried by the tests with real
/// programs, this is for faults at chosen moments.
/// </summary>
internal sealed class LeaseApi
{
    private readonly Lock _gate = new();
    private JsonObject? _lease; // guarded by _gate
    private int _version = 100;

    /// <summary>The holder's identity; empty for none.</summary>
    public string Holder => (string?)_lease?["spec"]?["holderIdentity"] ?? "";

    public int Transitions => (int?)_lease?["spec"]?["leaseTransitions"] ?? 0;

    /// <summary>Writes that were carried out.</summary>
    public int Writes { get; private set; }

    /// <summary>Somebody deletes the Lease.</summary>
    public void Delete() => _lease = null;

    /// <summary>A process's own way to the API.</summary>
    public Link Connect(TimeProvider time) => new(this, time);

    private (HttpStatusCode Code, string Body) Answer(HttpMethod method, string body)
    {
        lock (_gate)
        {
            return AnswerLocked(method, body);
        }
    }

    private (HttpStatusCode Code, string Body) AnswerLocked(HttpMethod method, string body)
    {
        if (method == HttpMethod.Get)
        {
            return _lease is null ? Failure(HttpStatusCode.NotFound, "NotFound") : (HttpStatusCode.OK, _lease.ToJsonString());
        }

        var wanted = JsonNode.Parse(body)!.AsObject();
        if (method == HttpMethod.Post)
        {
            return _lease is not null ? Failure(HttpStatusCode.Conflict, "AlreadyExists") : Store(wanted);
        }

        return _lease is null ? Failure(HttpStatusCode.NotFound, "NotFound")
            : (string?)wanted["metadata"]!["resourceVersion"] != (string?)_lease["metadata"]!["resourceVersion"] ? Failure(HttpStatusCode.Conflict, "Conflict")
            : Store(wanted);
    }

    private (HttpStatusCode, string) Store(JsonObject lease)
    {
        Writes++;
        _lease = lease;
        _lease["metadata"]!["resourceVersion"] = $"{++_version}";
        _lease["metadata"]!["uid"] = "u1";
        return (HttpStatusCode.OK, _lease.ToJsonString());
    }

    private static (HttpStatusCode, string) Failure(HttpStatusCode code, string reason) => (code, $$"""{"kind":"Status","status":"Failure","reason":"{{reason}}","code":{{(int)code}}}""");

    /// <summary>One process's requests.</summary>
    internal sealed class Link : HttpMessageHandler
    {
        private readonly LeaseApi _api;

        public Link(LeaseApi api, TimeProvider time)
        {
            _api = api;
            Client = new KubeClient(this, new Uri("https://api.test"), time);
        }

        public KubeClient Client { get; }

        /// <summary>Of all requests from now on.</summary>
        public ApiFault Fault { get; set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Fault == ApiFault.Refused)
            {
                throw new HttpRequestException("connection refused");
            }

            if (Fault == ApiFault.Silent)
            {
                return NeverAsync(cancellationToken);
            }

            using var reader = new StreamReader(request.Content?.ReadAsStream(cancellationToken) ?? Stream.Null);
            var (code, body) = _api.Answer(request.Method, reader.ReadToEnd());
            return Fault == ApiFault.AnswerLost
                ? NeverAsync(cancellationToken)
                : Task.FromResult(new HttpResponseMessage(code) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) });
        }

        private static Task<HttpResponseMessage> NeverAsync(CancellationToken cancellationToken)
        {
            var never = new TaskCompletionSource<HttpResponseMessage>();
            cancellationToken.Register(() => never.TrySetCanceled(cancellationToken));
            return never.Task;
        }
    }
}
