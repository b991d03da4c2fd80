using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Authorization;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>
/// Fills Secrets of the type kubernetes.io/service-account-token that somebody made by hand, and removes those of accounts that
/// are gone.
/// </summary>
internal sealed class TokenSecretController(ObjectStore store, ServerWrites writes, ServiceAccountTokens tokens, string? authorityPem)
{
    private const string Type = "kubernetes.io/service-account-token";
    private const string NameAnnotation = "kubernetes.io/service-account.name";
    private const string UidAnnotation = "kubernetes.io/service-account.uid";

    public async Task<TimeSpan?> ReconcileAsync(CancellationToken cancellationToken)
    {
        foreach (var stored in store.State.Of("secrets").Values)
        {
            if (stored.Json.AsSpan().ContainsText("\"kubernetes.io/service-account-token\""u8) && stored.Parse() is var secret && secret.Text("type") == Type)
            {
                await ReconcileAsync(stored, secret, cancellationToken);
            }
        }

        return null;
    }

    private async Task ReconcileAsync(StoredObject stored, JsonObject secret, CancellationToken cancellationToken)
    {
        var resource = writes.Resource("", "secrets");
        var annotations = secret.Object("metadata")?.Object("annotations") ?? [];
        var account = store.State.Get("serviceaccounts", new NamespacedName(stored.Key.Namespace, annotations.Text(NameAnnotation) ?? ""));
        if (account is null || (annotations.Text(UidAnnotation) is { Length: > 0 } uid && uid != account.Uid))
        {
            await writes.DeleteAsync(resource, stored, cancellationToken);
            return;
        }

        var data = secret.Object("data") ?? [];
        if (data.Text("token") is { Length: > 0 } held && IsGood(held, account.Uid)
            && data.Text("namespace") == Base64(stored.Key.Namespace)
            && (authorityPem is null || data.Text("ca.crt") == Base64(authorityPem))
            && annotations.Text(UidAnnotation) == account.Uid)
        {
            return;
        }

        var token = tokens.IssueLegacy(stored.Key.Namespace, account.Key.Name, account.Uid, stored.Key.Name);
        await writes.TryUpdateAsync(
            resource, stored.Key, "",
            present =>
            {
                present.ObjectOrNew("metadata").ObjectOrNew("annotations")[UidAnnotation] = account.Uid;
                var filled = present.ObjectOrNew("data");
                if (!IsGood(filled.Text("token") ?? "", account.Uid))
                {
                    filled["token"] = Base64(token);
                }

                filled["namespace"] = Base64(stored.Key.Namespace);
                if (authorityPem is not null)
                {
                    filled["ca.crt"] = Base64(authorityPem);
                }

                return present;
            },
            cancellationToken);
    }

    private bool IsGood(string base64, string accountUid)
    {
        try
        {
            return base64.Length > 0 && tokens.IsLegacyFor(Encoding.ASCII.GetString(Convert.FromBase64String(base64)), accountUid);
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.ASCII.GetBytes(text));
}
