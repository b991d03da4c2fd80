using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Validation;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>serviceaccounts/token: gives a token of the account (<c>kubectl create token</c>). Nothing is stored.</summary>
internal sealed class TokenRequests(
    ObjectStore store, ServiceAccountTokens tokens, NodeRestriction nodes, TypeSchema schema, TimeProvider time, int maxBodyBytes)
{
    private const long LeastSeconds = 600;
    private const long MostSeconds = 1L << 32;
    private const long DefaultSeconds = 3600;

    // the request's own kind, for words about what is wrong with it
    private static readonly ResourceDescriptor s_kind = new()
    {
        Group = "authentication.k8s.io",
        Version = "v1",
        Plural = "tokenrequests",
        Singular = "tokenrequest",
        Kind = "TokenRequest",
    };

    public async Task HandleAsync(ApiRequest request)
    {
        if (request.Context.Request.Method != "POST")
        {
            throw ApiException.MethodNotAllowed();
        }

        var body = await request.ReadObjectAsync(maxBodyBytes, schema);
        var context = WriteContext.Of(request) with { Resource = s_kind with { Schema = schema } };
        context.CheckKind(body);
        context.Conform(body);
        var account = store.State.Get(request.Resource.StorageName, request.Key)
            ?? throw ApiException.NotFound(request.Resource, request.Path.Name);
        CheckMetadata(request, body.Object("metadata")!);
        var spec = body.ObjectOrNew("spec");
        Default(spec);
        Validate(request, spec);
        var bound = spec.Object("boundObjectRef");
        nodes.CheckToken(
            new AdmissionRequest(AdmissionOperation.Create, request.Resource, "token", request.Key, request.User, body, null), bound);
        var wish = new TokenWish
        {
            Namespace = request.Path.Namespace,
            Account = request.Path.Name,
            AccountUid = account.Uid,
            Audiences = [.. spec.List("audiences")!.Select(a => a.AsText() ?? "")],
            Seconds = spec.Number("expirationSeconds")!.Value,
            Bound = Bind(request, bound),
        };
        var (token, expires) = tokens.Issue(wish);
        body["metadata"] = new JsonObject
        {
            ["name"] = wish.Account,
            ["namespace"] = wish.Namespace,
            ["creationTimestamp"] = KubeTime.Format(time.GetUtcNow()),
        };
        body["status"] = new JsonObject
        {
            ["token"] = request.DryRun ? "" : token,
            ["expirationTimestamp"] = KubeTime.Format(expires),
        };
        await request.RespondAsync(201, JsonFormat.Render(body));
    }

    private static void CheckMetadata(ApiRequest request, JsonObject metadata)
    {
        if (metadata.Text("name") is { Length: > 0 } name && name != request.Path.Name)
        {
            throw ApiException.BadRequest($"the name of the object ({name}) does not match the name on the URL ({request.Path.Name})");
        }

        if (metadata.Text("namespace") is { Length: > 0 } ns && ns != request.Path.Namespace)
        {
            throw ApiException.BadRequest($"the namespace of the object ({ns}) does not match the namespace on the request ({request.Path.Namespace})");
        }
    }

    private void Default(JsonObject spec)
    {
        spec.SetDefault("expirationSeconds", DefaultSeconds);
        if (spec.List("audiences") is not { Count: > 0 })
        {
            spec["audiences"] = new JsonArray([.. tokens.ApiAudiences.Select(a => (JsonNode)a)]);
        }
    }

    private static void Validate(ApiRequest request, JsonObject spec)
    {
        var errors = new FieldErrors();
        var seconds = spec.Number("expirationSeconds") ?? 0;
        if (seconds < LeastSeconds)
        {
            errors.Invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 10 minutes");
        }

        if (seconds > MostSeconds)
        {
            errors.Invalid("spec.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds");
        }

        errors.ThrowIfAny(s_kind, request.Path.Name);
    }

    private List<BoundObject> Bind(ApiRequest request, JsonObject? reference)
    {
        if (reference is null)
        {
            return [];
        }

        var kind = reference.Text("kind") ?? "";
        var version = reference.Text("apiVersion") is { Length: > 0 } given ? given : "v1";
        if (version != "v1" || kind is not ("Pod" or "Secret" or "Node"))
        {
            throw ApiException.BadRequest($"cannot bind token for serviceaccount to object type {version}, Kind={kind}");
        }

        var claim = kind.ToLowerInvariant();
        var name = reference.Text("name") ?? "";
        var ns = kind == "Node" ? "" : request.Path.Namespace;
        var found = store.State.Get(claim + "s", new NamespacedName(ns, name)) ?? throw new ApiException(
            StatusReason.NotFound, $"{claim}s \"{name}\" not found", new StatusDetails { Name = name, Kind = claim + "s" });
        if (reference.Text("uid") is { Length: > 0 } uid && uid != found.Uid)
        {
            throw new ApiException(
                StatusReason.Conflict,
                $"Operation cannot be fulfilled on {claim}s \"{name}\": the UID in the bound object reference ({uid}) does not match the UID in record. The object might have been deleted and then recreated",
                new StatusDetails { Name = name, Kind = claim + "s" });
        }

        var bound = new List<BoundObject> { new(claim, name, found.Uid) };
        if (kind == "Pod")
        {
            var pod = PodReferences.Of(found);
            if (pod.ServiceAccount != request.Path.Name)
            {
                throw ApiException.BadRequest("cannot bind token for serviceaccount to pod running with different serviceaccount name.");
            }

            if (pod.NodeName.Length > 0)
            {
                bound.Add(new BoundObject("node", pod.NodeName, store.State.Get("nodes", new NamespacedName("", pod.NodeName))?.Uid ?? ""));
            }
        }

        return bound;
    }
}
