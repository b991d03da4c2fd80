using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authentication;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for certificate signing requests.</summary>
internal static class CertificateRules
{
    private const long LeastSeconds = 600;

    public static void Check(JsonObject request, JsonObject? old, FieldErrors errors)
    {
        if (old is not null)
        {
            return; // what was asked for does not change
        }

        var spec = request.Object("spec") ?? [];
        if (SigningRequest.Read(spec.Text("request") ?? "", out var problem) is null)
        {
            errors.Invalid("spec.request", "<request>", problem);
        }

        CheckUsages(spec, errors);
        CheckSigner(spec.Text("signerName") ?? "", errors);
        if (spec.Number("expirationSeconds") is { } seconds && seconds < LeastSeconds)
        {
            errors.Invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)");
        }
    }

    private static void CheckUsages(JsonObject spec, FieldErrors errors)
    {
        var usages = (spec.List("usages") ?? []).Select(u => u.AsText() ?? "").ToList();
        if (usages.Count == 0)
        {
            errors.Required("spec.usages");
        }

        for (var i = 0; i < usages.Count; i++)
        {
            var field = FormattableString.Invariant($"spec.usages[{i}]");
            if (!Signers.Usages.Contains(usages[i]))
            {
                errors.NotSupported(field, usages[i], [.. Signers.Usages]);
            }
            else if (usages.IndexOf(usages[i]) < i)
            {
                errors.Duplicate(field, usages[i]);
            }
        }
    }

    private static void CheckSigner(string signer, FieldErrors errors)
    {
        const string Field = "spec.signerName";
        if (signer.Length == 0)
        {
            errors.Required(Field);
            return;
        }

        var parts = signer.Split('/');
        if (parts.Length != 2)
        {
            errors.Invalid(Field, signer, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
            return;
        }

        if (NameRules.Subdomain(parts[0]) is { } domain)
        {
            errors.Invalid(Field, parts[0], domain);
        }
        else if (!parts[0].Contains('.', StringComparison.Ordinal))
        {
            errors.Invalid(Field, parts[0], "should be a domain with at least two segments separated by dots");
        }

        if (NameRules.Subdomain(parts[1]) is { } path)
        {
            errors.Invalid(Field, signer, $"validating label \"{parts[1]}\": {path}");
        }
        else if (signer == "kubernetes.io/legacy-unknown")
        {
            errors.Invalid(Field, signer, "the legacy signerName is not allowed via this API version");
        }
    }
}
