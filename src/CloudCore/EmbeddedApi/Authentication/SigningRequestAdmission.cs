using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>
/// Writes into a CertificateSigningRequest who asked, and lets only those sign and approve who may, by signer. The group of
/// administrators is given to nobody by a certificate that somebody asked for.
/// </summary>
internal sealed class SigningRequestAdmission(Authorizer authorizer)
{
    private const string Group = "certificates.k8s.io";

    public void Admit(AdmissionRequest request)
    {
        if (request.Resource.Group != Group || request.Resource.Plural != "certificatesigningrequests")
        {
            return;
        }

        var spec = request.Object.ObjectOrNew("spec");
        switch (request.Operation, request.Subresource)
        {
            case (AdmissionOperation.Create, _):
                Stamp(spec, request.User);
                CheckSubject(request, spec);
                break;
            case (AdmissionOperation.Update, "status") when !JsonNode.DeepEquals(request.Object["status"], request.Old?["status"]):
                KeepApproval(request);
                Demand(request, spec.Text("signerName") ?? "", "sign");
                break;
        }
    }

    /// <summary>Refuses who may not approve requests for the signer.</summary>
    /// <exception cref="ApiException">403.</exception>
    public void DemandApproval(AdmissionRequest request) =>
        Demand(request, request.Object.Object("spec")?.Text("signerName") ?? "", "approve");

    private static void Stamp(JsonObject spec, UserInfo user)
    {
        spec["username"] = user.Name;
        spec.SetOrRemove("uid", user.Uid.Length == 0 ? null : JsonValue.Create(user.Uid));
        spec["groups"] = new JsonArray([.. user.Groups.Select(g => (JsonNode)g)]);
        spec.SetOrRemove("extra", user.Extra.Count == 0 ? null : new JsonObject(user.Extra.Select(e =>
            new KeyValuePair<string, JsonNode?>(e.Key, new JsonArray([.. e.Value.Select(v => (JsonNode)v)])))));
    }

    private static void CheckSubject(AdmissionRequest request, JsonObject spec)
    {
        if (spec.Text("signerName") == Signers.Client
            && SigningRequest.Read(spec.Text("request") ?? "", out _) is { } asked
            && asked.Organizations.Contains(UserInfo.Masters))
        {
            throw ApiException.Forbidden(
                request.Resource, NameOf(request), $"use of {Signers.Client} signer with {UserInfo.Masters} group is not allowed");
        }
    }

    /// <summary>Approval and denial are written by the subresource of that name only.</summary>
    private static void KeepApproval(AdmissionRequest request)
    {
        var status = request.Object.ObjectOrNew("status");
        var kept = (request.Old?.Object("status")?.Objects("conditions") ?? []).Where(IsDecision);
        var others = status.Objects("conditions").Where(c => !IsDecision(c));
        var all = kept.Concat(others).Select(c => c.DeepClone()).ToArray();
        status.SetOrRemove("conditions", all.Length == 0 ? null : new JsonArray(all));

        static bool IsDecision(JsonObject condition) => condition.Text("type") is "Approved" or "Denied";
    }

    private void Demand(AdmissionRequest request, string signer, string verb)
    {
        var slash = signer.IndexOf('/', StringComparison.Ordinal);
        string[] names = slash < 0 ? [signer] : [signer, signer[..slash] + "/*"];
        foreach (var name in names)
        {
            if (authorizer.Decide(new AccessAttributes { User = request.User, Verb = verb, Group = Group, Resource = "signers", Name = name }).Allowed)
            {
                return;
            }
        }

        throw ApiException.Forbidden(request.Resource, NameOf(request), $"user not permitted to {verb} requests with signerName \"{signer}\"");
    }

    private static string NameOf(AdmissionRequest request) => request.Object.Object("metadata")?.Text("name") ?? request.Key.Name;
}
