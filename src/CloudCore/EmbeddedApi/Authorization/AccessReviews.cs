using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>authorization.k8s.io: may I, may he, and what may I (<c>kubectl auth can-i</c>, <c>--list</c>).</summary>
internal sealed class AccessReviews(Authorizer authorizer)
{
    public void ReviewSelf(ResourceDescriptor resource, JsonObject review, UserInfo user)
    {
        var spec = review.ObjectOrNew("spec");
        CheckAttributes(resource, spec);
        Answer(review, spec, user);
    }

    public void ReviewSubject(ResourceDescriptor resource, JsonObject review)
    {
        var spec = review.ObjectOrNew("spec");
        CheckSubject(resource, spec);
        Answer(review, spec, SubjectOf(spec));
    }

    public void ReviewLocalSubject(ResourceDescriptor resource, JsonObject review, string ns)
    {
        var spec = review.ObjectOrNew("spec");
        CheckSubject(resource, spec);
        var errors = new FieldErrors();
        if (spec["nonResourceAttributes"] is not null)
        {
            errors.Invalid("spec.nonResourceAttributes", spec["nonResourceAttributes"], "disallowed on this kind of request");
        }

        if (errors.Count == 0 && spec.Object("resourceAttributes") is { } nowhere && nowhere.Text("namespace") is null or "")
        {
            throw ApiException.BadRequest($"spec.resourceAttributes.namespace must match namespace: {ns}");
        }

        if (spec.Object("resourceAttributes") is { } asked && (asked.Text("namespace") ?? "") != ns)
        {
            errors.Invalid("spec.resourceAttributes.namespace", asked.Text("namespace") ?? "", "must match metadata.namespace");
        }

        errors.ThrowIfAny(resource, "");
        Answer(review, spec, SubjectOf(spec));
    }

    public void ReviewRules(JsonObject review, UserInfo user)
    {
        if (review.ObjectOrNew("spec").Text("namespace") is not { Length: > 0 } ns)
        {
            throw ApiException.BadRequest("no namespace on request");
        }

        var (rules, problems) = authorizer.Rbac.RulesOf(user, ns);
        var status = new JsonObject
        {
            ["resourceRules"] = new JsonArray([.. rules.Where(r => r.Resources.Length > 0).Select(r => r.Write())]),
            ["nonResourceRules"] = new JsonArray([.. rules.Where(r => r.Urls.Length > 0).Select(r => r.Write())]),
            ["incomplete"] = problems.Count > 0 || user.NodeName is not null,
        };
        var words = problems.Distinct().ToList();
        if (user.NodeName is not null)
        {
            words.Add("node authorizer does not support user rule resolution");
        }

        if (words.Count > 0)
        {
            status["evaluationError"] = string.Join(", ", words);
        }

        review["status"] = status;
    }

    private static UserInfo SubjectOf(JsonObject spec) => new(
        spec.Text("user") ?? "", [.. (spec.List("groups") ?? []).Select(g => g.AsText() ?? "")])
    { Uid = spec.Text("uid") ?? "" };

    private static void CheckSubject(ResourceDescriptor resource, JsonObject spec)
    {
        CheckAttributes(resource, spec);
        if (spec.Text("user") is null or "" && spec.List("groups") is not { Count: > 0 })
        {
            var errors = new FieldErrors();
            errors.Invalid("spec.user", "", "at least one of user or group must be specified");
            errors.ThrowIfAny(resource, "");
        }
    }

    private static void CheckAttributes(ResourceDescriptor resource, JsonObject spec)
    {
        var errors = new FieldErrors();
        if (spec["resourceAttributes"] is null == spec["nonResourceAttributes"] is null)
        {
            errors.Invalid(
                spec["resourceAttributes"] is null ? "spec.resourceAttributes" : "spec.nonResourceAttributes", (JsonNode?)null,
                spec["resourceAttributes"] is null
                    ? "exactly one of nonResourceAttributes or resourceAttributes must be specified"
                    : "cannot be specified in combination with resourceAttributes");
        }

        errors.ThrowIfAny(resource, "");
    }

    private void Answer(JsonObject review, JsonObject spec, UserInfo user)
    {
        var decision = authorizer.Decide(AttributesOf(spec, user));
        var status = new JsonObject { ["allowed"] = decision.Allowed };
        if (decision.Reason.Length > 0)
        {
            status["reason"] = decision.Reason;
        }

        review["status"] = status;
    }

    private static AccessAttributes AttributesOf(JsonObject spec, UserInfo user)
    {
        if (spec.Object("resourceAttributes") is not { } asked)
        {
            var path = spec.Object("nonResourceAttributes") ?? [];
            return new AccessAttributes { User = user, Verb = path.Text("verb") ?? "", Path = path.Text("path") ?? "" };
        }

        var requirements = asked.Object("fieldSelector")?.Objects("requirements") ?? [];
        var node = requirements.FirstOrDefault(r => r.Text("key") == "spec.nodeName" && r.Text("operator") is "In" && r.List("values") is { Count: 1 });
        return new AccessAttributes
        {
            User = user,
            Verb = asked.Text("verb") ?? "",
            Group = asked.Text("group") ?? "",
            Resource = asked.Text("resource") is { Length: > 0 } resource ? resource : " ",
            Subresource = asked.Text("subresource") ?? "",
            Namespace = asked.Text("namespace") ?? "",
            Name = asked.Text("name") ?? "",
            SelectedNode = node?.List("values")?[0].AsText() ?? "",
        };
    }
}
