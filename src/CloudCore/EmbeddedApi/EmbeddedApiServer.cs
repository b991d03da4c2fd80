using System.Text.Json.Nodes;
using System.Threading.Channels;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Definitions;
using EdgeSync.CloudCore.EmbeddedApi.Discovery;
using EdgeSync.CloudCore.EmbeddedApi.Kinds;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.EmbeddedApi;

/// <summary>
/// A Kubernetes-compatible API on SQLite. Every request passes: health, authentication, authorization, discovery or
/// resource verbs; every failure becomes a Status in <see cref="HandleAsync"/>.
/// </summary>
internal sealed partial class EmbeddedApiServer : IAsyncDisposable
{
    private static readonly string[] s_firstNamespaces = ["default", "kube-system", "kube-node-lease", "kube-public", "kubeedge"];

    private readonly Identity _identity;
    private readonly ObjectStore _store;
    private readonly ResourceCatalog _catalog;
    private readonly DefinitionController _definitions;
    private readonly ObjectWriter _writer;
    private readonly ResourceVerbs _verbs;
    private readonly NamespaceCleaner _cleaner;
    private readonly ILogger _logger;
    private volatile bool _stopping;

    private EmbeddedApiServer(EmbeddedApiOptions options, ObjectStore store, TimeProvider time, ILoggerFactory loggers)
    {
        _store = store;
        _logger = loggers.CreateLogger<EmbeddedApiServer>();
        var schema = SchemaText.LoadEmbedded();
        _catalog = new ResourceCatalog(BuiltInResources.All(schema));
        _writer = new ObjectWriter(store, options.Admission, time);
        var renderer = new Renderer(time);
        _verbs = new ResourceVerbs(store, _writer, renderer, schema, () => _catalog.Table, time, options.MaxBodyBytes);
        _definitions = new DefinitionController(
            store, _writer, _catalog, schema.Type("ObjectMeta"), time, loggers.CreateLogger<DefinitionController>());
        _identity = new Identity(options, store, _writer, () => _catalog.Table, renderer, schema, time, loggers);
        _cleaner = new NamespaceCleaner(store, _writer, () => _catalog.Table, time, loggers.CreateLogger<NamespaceCleaner>());
    }

    /// <summary>Opens the database, and makes the first namespaces where it is new.</summary>
    /// <exception cref="EdgeSync.Storage.DatabaseException">The database cannot be opened; the message says what to do.</exception>
    public static EmbeddedApiServer Open(EmbeddedApiOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        var store = ObjectStore.Open(options.DataDir, options.Limits, time);
        var server = new EmbeddedApiServer(options, store, time, loggers);
        // before the first request, on the composing thread; nothing else runs yet that it could wait for
        server.EnsureFirstObjectsAsync().GetAwaiter().GetResult();
        server.InstallDefinitions(loggers);
        server._definitions.PrepareAsync().GetAwaiter().GetResult();
        server._definitions.Start();
        server._identity.StartAsync(CancellationToken.None).GetAwaiter().GetResult();
        if (options.Controllers.Has(KnownControllers.Namespace))
        {
            server._cleaner.Start();
        }

        return server;
    }

    /// <summary>What every cluster has from its start: the first namespaces, and the priorities of what a cluster cannot do without.</summary>
    private async Task EnsureFirstObjectsAsync()
    {
        if (_store.State.Of(ObjectStore.NamespaceResource).IsEmpty)
        {
            var namespaces = _catalog.Table.Find("", "v1", ObjectStore.NamespaceResource)!;
            foreach (var name in s_firstNamespaces)
            {
                await _verbs.EnsureAsync(namespaces, new JsonObject { ["metadata"] = new JsonObject { ["name"] = name } });
            }
        }

        var priorities = _catalog.Table.Find("scheduling.k8s.io", "v1", "priorityclasses")!;
        foreach (var body in OtherDefaults.SystemPriorities())
        {
            await _verbs.EnsureAsync(priorities, body);
        }
    }

    private void InstallDefinitions(ILoggerFactory loggers)
    {
        var resource = _catalog.Table.Find("apiextensions.k8s.io", "v1", "customresourcedefinitions")!;
        new ShippedDefinitions(_store, _writer, resource, loggers.CreateLogger<ShippedDefinitions>())
            .InstallAsync(CancellationToken.None).GetAwaiter().GetResult();
    }

    /// <summary>Answers one request; it never throws but for a caller that has gone.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        try
        {
            await RouteAsync(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // the caller has gone; there is nobody to answer
        }
        catch (ApiException e)
        {
            await FailAsync(context, e);
        }
        catch (ChannelClosedException)
        {
            await FailAsync(context, new ApiException(StatusReason.ServiceUnavailable, "the server is shutting down"));
        }
        catch (BadHttpRequestException e)
        {
            await FailAsync(context, e.StatusCode == 413
                ? new ApiException(StatusReason.RequestEntityTooLarge, e.Message)
                : ApiException.BadRequest(e.Message));
        }
        catch (DatabaseException e) when (e.IsDiskFull)
        {
            LogNoRoom(context.Request.Method, context.Request.Path, e.Message);
            await FailAsync(context, new ApiException(StatusReason.InsufficientStorage, "the API's disk is full: nothing was changed, reading goes on; make room on it"));
        }
        catch (Exception e)
        {
            LogFailure(e, context.Request.Method, context.Request.Path);
            await FailAsync(context, ApiException.Internal("Internal error occurred; the server's log has the details"));
        }
    }

    /// <inheritdoc cref="ResourceVerbs.Computed"/>
    public Func<ApiRequest, StoreState, Task>? Computed
    {
        get => _verbs.Computed;
        set => _verbs.Computed = value;
    }

    /// <inheritdoc cref="ResourceVerbs.PodStreams"/>
    public Func<ApiRequest, StoredObject, Task>? PodStreams
    {
        get => _verbs.PodStreams;
        set => _verbs.PodStreams = value;
    }

    /// <summary>Writes the metrics page, for whoever may get /metrics. Set while the program is composed.</summary>
    public Func<HttpContext, Task>? Metrics { get; set; }

    /// <summary>Requests that were answered 401 for what they showed, since the start.</summary>
    public long RefusedRequests => _identity.RefusedRequests;

    /// <summary>Fails when nothing more can be stored until the program has been restarted.</summary>
    public Task Fault => _store.Fault;

    /// <summary>
    /// Ends the watches and refuses readiness, so that the web server can stop without waiting for them.
    /// </summary>
    public void BeginStop()
    {
        _stopping = true;
        _store.CloseWatches();
    }

    public async ValueTask DisposeAsync()
    {
        BeginStop();
        await _cleaner.DisposeAsync();
        await _definitions.DisposeAsync();
        await _identity.DisposeAsync();
        await _store.DisposeAsync();
    }

    private async Task RouteAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "/";
        if (HealthEndpoints.Answer(context.Request, _store.Fault.IsFaulted, _stopping) is { } health)
        {
            await health.WriteAsync(context);
            return;
        }

        if (path == "/version")
        {
            await DiscoveryDocuments.WriteAsync(context, _catalog.Discovery.Version);
            return;
        }

        var info = RequestInfo.Parse(path);
        var user = _identity.Authenticate(context);
        var asked = AccessAttributes.Of(user, context.Request, path, info);
        if (user.IsAnonymous)
        {
            // what needs no identity has been answered already; a role bound to anonymous callers opens nothing
            throw Authorizer.Refuse(asked, "");
        }

        _identity.Authorizer.Demand(asked);
        if (info is { Resource.Length: > 0 })
        {
            var resource = _catalog.Table.Find(info.Group, info.Version, info.Resource) ?? throw ApiException.NoSuchResource();
            if (resource.StorageName == ObjectStore.DefinitionResource && context.Request.Method is not ("GET" or "HEAD"))
            {
                // whoever has been told of a definition finds it served
                context.Response.OnStarting(_definitions.CaughtUpAsync);
            }

            var request = new ApiRequest(context, info, resource)
            {
                User = user,
                DemandCreate = () => _identity.Authorizer.Demand(asked with { Verb = "create" }),
            };
            if (!await _identity.Endpoints.TryHandleAsync(request))
            {
                await _verbs.HandleAsync(request);
            }

            return;
        }

        if (path == "/metrics" && Metrics is { } metrics)
        {
            await metrics(context);
            return;
        }

        if (_identity.OpenId is { } openId && await openId.TryAnswerAsync(context, path))
        {
            return;
        }

        await _catalog.Discovery.HandleAsync(context, path);
    }

    private static async Task FailAsync(HttpContext context, ApiException error)
    {
        if (context.Response.HasStarted)
        {
            // part of an answer is on its way already: cut it, so that nobody takes it for the whole
            context.Abort();
            return;
        }

        var isYaml = ResponseForm.WantsYaml(context.Request);
        var body = isYaml ? YamlAnswer.Of(StatusWriter.Failure(error)) : StatusWriter.Failure(error);
        context.Response.StatusCode = StatusWriter.Code(error.Reason);
        context.Response.ContentType = isYaml ? "application/yaml" : "application/json";
        context.Response.ContentLength = body.Length;
        if (error.Details?.RetryAfterSeconds is { } seconds)
        {
            context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
    }

    [LoggerMessage(LogLevel.Error, "Request {Method} {Path} failed")]
    private partial void LogFailure(Exception error, string method, string path);

    [LoggerMessage(LogLevel.Error, "Request {Method} {Path} was refused: {Reason}")]
    private partial void LogNoRoom(string method, string path, string reason);
}
