using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.EmbeddedApi.Authentication;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;

namespace EdgeSync.CloudCore.EmbeddedApi;

/// <summary>
/// Who asks and what he may do, composed: authentication, authorization, admission, and the loops that keep accounts, tokens,
/// roles and certificates as they should be. For the life of the server.
/// </summary>
internal sealed class Identity : IAsyncDisposable
{
    private readonly SigningKey? _key;
    private readonly RequestAuthenticator _authenticator;
    private readonly Impersonation _impersonation;
    private readonly BootstrapPolicy _policy;
    private readonly ClusterRoleAggregation _aggregation;
    private readonly ServiceAccountController _accounts;
    private readonly ClientAuthorityPublisher _clientAuthority;
    private readonly List<StoreLoop> _loops = [];

    public Identity(
        EmbeddedApiOptions options, ObjectStore store, ObjectWriter writer, Func<ResourceTable> resources, Renderer renderer, SchemaText schema,
        TimeProvider time, ILoggerFactory loggers)
    {
        _key = options.ServiceAccountKeyFile is { } file ? SigningKey.Load(file) : null;
        var tokens = _key is null ? null : new ServiceAccountTokens(_key, options.ServiceAccountIssuer, store, time);
        var nodes = new NodeAuthorizer(store);
        nodes.ReadPodsBy(resources().Find("", "v1", "pods")!.SelectableFields);
        Authorizer = new Authorizer(store, nodes);
        _authenticator = new RequestAuthenticator(
            new ClientCertificateUsers(options.ClientAuthority, time), tokens, loggers.CreateLogger<RequestAuthenticator>());
        _impersonation = new Impersonation(Authorizer);
        OpenId = tokens is null ? null : new OpenIdDocuments(tokens);
        var restriction = new NodeRestriction(store);
        var requests = new SigningRequestAdmission(Authorizer);
        writer.Admission = new Admissions(new RoleEscalation(Authorizer), new PodServiceAccounts(store, tokens is not null), requests).Admit;
        Endpoints = new IdentityEndpoints(
            new AccessReviews(Authorizer), new UserReviews(tokens),
            tokens is null ? null : new TokenRequests(store, tokens, restriction, schema.Type("TokenRequest"), time, options.MaxBodyBytes),
            new SigningRequestApproval(store, writer, renderer, requests, time, options.MaxBodyBytes), options.MaxBodyBytes);

        var writes = new ServerWrites(store, writer, resources);
        var pem = options.Authority?.Certificate.ExportCertificatePem() is { } text ? text + "\n" : null;
        _policy = new BootstrapPolicy(writes);
        _aggregation = new ClusterRoleAggregation(store, writes);
        _clientAuthority = new ClientAuthorityPublisher(writes, pem);
        var run = options.Controllers;
        _accounts = new ServiceAccountController(
            store, writes, run.Has(KnownControllers.ServiceAccount), run.Has(KnownControllers.RootCaPublisher) ? pem : null);
        var signer = new CertificateSigner(
            store, writes, run.Has(KnownControllers.SigningRequests) ? options.Authority : null, run.Has(KnownControllers.SigningRequestCleaner), time);
        var logger = loggers.CreateLogger<StoreLoop>();
        if (run.Has(KnownControllers.ClusterRoleAggregation))
        {
            _loops.Add(new StoreLoop(store, [RbacResources.ClusterRoles], _aggregation.ReconcileAsync, time, logger));
        }

        _loops.Add(new StoreLoop(store, [ObjectStore.NamespaceResource, "serviceaccounts", "configmaps"], _accounts.ReconcileAsync, time, logger));
        _loops.Add(new StoreLoop(store, ["certificatesigningrequests.certificates.k8s.io"], signer.ReconcileAsync, time, logger));
        if (tokens is not null && run.Has(KnownControllers.ServiceAccountToken))
        {
            var secrets = new TokenSecretController(store, writes, tokens, pem);
            _loops.Add(new StoreLoop(store, ["secrets", "serviceaccounts"], secrets.ReconcileAsync, time, logger));
        }
    }

    public Authorizer Authorizer { get; }

    public IdentityEndpoints Endpoints { get; }

    /// <summary>Null where the server gives no tokens.</summary>
    public OpenIdDocuments? OpenId { get; }

    /// <summary>Requests that were answered 401 for what they showed, since the start.</summary>
    public long RefusedRequests => _authenticator.Refused;

    /// <summary>Who asks, after impersonation; anonymous where nothing was shown, whoever that one wants to act as.</summary>
    /// <exception cref="ApiException">401 for what is worth nothing, 403 for who may not act as another.</exception>
    public UserInfo Authenticate(HttpContext context)
    {
        var user = _authenticator.Authenticate(context);
        return user.IsAnonymous ? user : _impersonation.Apply(user, context.Request.Headers);
    }

    /// <summary>What has to be there before the first request; then the loops begin.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _policy.ReconcileAsync(cancellationToken);
        await _aggregation.ReconcileAsync(cancellationToken);
        await _accounts.ReconcileAsync(cancellationToken);
        await _clientAuthority.PublishAsync(cancellationToken);
        _loops.ForEach(loop => loop.Start());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var loop in _loops)
        {
            await loop.DisposeAsync();
        }

        _key?.Dispose();
    }
}
