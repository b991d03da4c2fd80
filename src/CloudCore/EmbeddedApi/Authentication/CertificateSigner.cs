using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>
/// Signs approved CertificateSigningRequests of Kubernetes' own signers with the hub's CA, and removes requests that nobody needs
/// any more: decided ones after an hour, others after a day.
/// </summary>
/// <param name="store">Where the requests are.</param>
/// <param name="writes">How it writes.</param>
/// <param name="authority">What signs; null signs nothing here.</param>
/// <param name="removes">Whether requests are removed here.</param>
/// <param name="time">The clock.</param>
internal sealed class CertificateSigner(ObjectStore store, ServerWrites writes, CertificateAuthority? authority, bool removes, TimeProvider time)
{
    private static readonly TimeSpan s_decidedFor = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_pendingFor = TimeSpan.FromHours(24);
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(365);

    private const string Storage = "certificatesigningrequests.certificates.k8s.io";

    public async Task<TimeSpan?> ReconcileAsync(CancellationToken cancellationToken)
    {
        TimeSpan? next = null;
        foreach (var stored in store.State.Of(Storage).Values)
        {
            var request = stored.Parse();
            if (removes)
            {
                var left = LeftOf(request);
                if (left <= TimeSpan.Zero)
                {
                    await writes.DeleteAsync(writes.Resource("certificates.k8s.io", "certificatesigningrequests"), stored, cancellationToken);
                    continue;
                }

                next = next is null || left < next ? left : next;
            }

            if (authority is not null && IsToBeSigned(request))
            {
                await SignAsync(stored, request, cancellationToken);
            }
        }

        return next;
    }

    private static IEnumerable<JsonObject> ConditionsOf(JsonObject request) => request.Object("status")?.Objects("conditions") ?? [];

    private static bool Has(JsonObject request, string type) => ConditionsOf(request).Any(c => c.Text("type") == type && c.Text("status") is null or "True");

    private static bool IsToBeSigned(JsonObject request) =>
        Signers.IsOurs(request.Object("spec")?.Text("signerName") ?? "")
            && Has(request, "Approved") && !Has(request, "Denied") && !Has(request, "Failed")
            && request.Object("status")?.Text("certificate") is null or "";

    private TimeSpan LeftOf(JsonObject request)
    {
        var now = time.GetUtcNow();
        var created = Time(request.Object("metadata")?.Text("creationTimestamp"));
        var decided = ConditionsOf(request).Where(c => c.Text("type") is "Approved" or "Denied" or "Failed")
            .Select(c => Time(c.Text("lastUpdateTime"))).Where(t => t is not null).Max();
        return decided is { } at && (!Has(request, "Approved") || Has(request, "Failed") || request.Object("status")?.Text("certificate") is { Length: > 0 })
            ? at + s_decidedFor - now
            : (created ?? now) + s_pendingFor - now;
    }

    private static DateTimeOffset? Time(string? text) => KubeTime.TryParse(text, out var at) ? at : null;

    private async Task SignAsync(StoredObject stored, JsonObject request, CancellationToken cancellationToken)
    {
        var spec = request.Object("spec")!;
        var signer = spec.Text("signerName")!;
        var usages = (spec.List("usages") ?? []).Select(u => u.AsText() ?? "").ToList();
        var asked = SigningRequest.Read(spec.Text("request") ?? "", out var problem);
        problem = asked is null ? problem : Signers.Problem(signer, asked, usages) ?? "";
        string? pem = null;
        if (asked is not null && problem.Length == 0)
        {
            var lifetime = spec.Number("expirationSeconds") is { } seconds && TimeSpan.FromSeconds(seconds) < s_longest
                ? TimeSpan.FromSeconds(seconds)
                : s_longest;
            using var certificate = authority!.IssueRequested(asked.Subject, asked.Key, lifetime, usages, asked.DnsNames, asked.Addresses);
            pem = certificate.ExportCertificatePem() + "\n";
        }

        await writes.TryUpdateAsync(
            writes.Resource("certificates.k8s.io", "certificatesigningrequests"), stored.Key, "status",
            present =>
            {
                var status = present.ObjectOrNew("status");
                if (pem is not null)
                {
                    status.SetDefault("certificate", Convert.ToBase64String(Encoding.ASCII.GetBytes(pem)));
                    return present;
                }

                var now = KubeTime.Format(time.GetUtcNow());
                var conditions = new JsonArray([.. status.Objects("conditions").Select(c => c.DeepClone())])
                {
                    (JsonNode)new JsonObject
                    {
                        ["type"] = "Failed", ["status"] = "True", ["reason"] = "SignerValidationFailure", ["message"] = problem,
                        ["lastUpdateTime"] = now, ["lastTransitionTime"] = now,
                    },
                };
                status["conditions"] = conditions;
                return present;
            },
            cancellationToken);
    }
}
