using System.Security.Cryptography;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Verbs;

namespace EdgeSync.CloudCore.EmbeddedApi.Authentication;

/// <summary>
/// Gives a new pod the volume with its account's token, the CA and the namespace, and refuses one whose account is not there: what of Kubernetes'
/// ServiceAccount admission comes after <see cref="Kinds.PodAdmission.ServiceAccount"/>, which has named the account.
/// </summary>
/// <param name="store">Where accounts are.</param>
/// <param name="hasTokens">Whether the server gives tokens; without them a pod gets no volume that waits for one.</param>
internal sealed class PodServiceAccounts(ObjectStore store, bool hasTokens)
{
    private const string MountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
    private const string VolumePrefix = "kube-api-access-";
    private const string SuffixCharacters = "bcdfghjklmnpqrstvwxz2456789";
    private const int SourceMode = 420; // 0644

    public void Admit(AdmissionRequest request)
    {
        if (request is not { Operation: AdmissionOperation.Create, Resource: { Plural: "pods", Group: "" }, Subresource: "" })
        {
            return;
        }

        var pod = request.Object;
        var spec = pod.ObjectOrNew("spec");
        if (pod.Object("metadata")?.Object("annotations")?.ContainsKey("kubernetes.io/config.mirror") == true)
        {
            return; // checked by what nodes may write
        }

        var name = spec.Text("serviceAccountName")!;
        var podName = pod.Object("metadata")?.Text("name") ?? "";
        if (store.State.Get("serviceaccounts", new NamespacedName(request.Key.Namespace, name)) is not { } stored)
        {
            // the account of a namespace that was made a moment ago is on its way
            if (name == "default" && store.State.Get(ObjectStore.NamespaceResource, new NamespacedName("", request.Key.Namespace)) is not null)
            {
                AddVolume(spec, automount: true);
                return;
            }

            if (store.State.Get(ObjectStore.NamespaceResource, new NamespacedName("", request.Key.Namespace)) is null)
            {
                return; // the store says what is missing
            }

            throw ApiException.Forbidden(
                request.Resource, podName, $"error looking up service account {request.Key.Namespace}/{name}: serviceaccount \"{name}\" not found");
        }

        AddVolume(spec, Automounts(spec, stored.Parse()));
    }

    private static bool Automounts(JsonObject spec, JsonObject account)
    {
        if (spec["automountServiceAccountToken"] is JsonValue ofPod)
        {
            return ofPod.GetValueKind() == System.Text.Json.JsonValueKind.True;
        }

        return account["automountServiceAccountToken"] is not JsonValue ofAccount || ofAccount.GetValueKind() == System.Text.Json.JsonValueKind.True;
    }

    private void AddVolume(JsonObject spec, bool automount)
    {
        if (!automount || !hasTokens)
        {
            return;
        }

        // a pod that was made from another one's specification brings its volume along
        var volume = spec.Objects("volumes").FirstOrDefault(v => v.Text("name")?.StartsWith(VolumePrefix, StringComparison.Ordinal) == true
            && v.Object("projected") is not null)?.Text("name");
        var name = volume ?? VolumePrefix + RandomNumberGenerator.GetString(SuffixCharacters, 5);
        var isUsed = false;
        foreach (var container in ((string[])["initContainers", "containers"]).SelectMany(list => spec.Objects(list)))
        {
            if (container.Objects("volumeMounts").Any(m => m.Text("mountPath") == MountPath))
            {
                continue;
            }

            if (container["volumeMounts"] is not JsonArray mounts)
            {
                container["volumeMounts"] = mounts = [];
            }

            mounts.Add((JsonNode)new JsonObject { ["name"] = name, ["readOnly"] = true, ["mountPath"] = MountPath });
            isUsed = true;
        }

        if (!isUsed || volume is not null)
        {
            return;
        }

        if (spec["volumes"] is not JsonArray volumes)
        {
            spec["volumes"] = volumes = [];
        }

        volumes.Add((JsonNode)VolumeOf(name));
    }

    private static JsonObject VolumeOf(string name) => new()
    {
        ["name"] = name,
        ["projected"] = new JsonObject
        {
            ["sources"] = new JsonArray(
                new JsonObject
                {
                    ["serviceAccountToken"] = new JsonObject { ["expirationSeconds"] = ServiceAccountTokens.PodTokenSeconds, ["path"] = "token" },
                },
                new JsonObject
                {
                    ["configMap"] = new JsonObject
                    {
                        ["name"] = "kube-root-ca.crt",
                        ["items"] = new JsonArray(new JsonObject { ["key"] = "ca.crt", ["path"] = "ca.crt" }),
                    },
                },
                new JsonObject
                {
                    ["downwardAPI"] = new JsonObject
                    {
                        ["items"] = new JsonArray(new JsonObject
                        {
                            ["path"] = "namespace",
                            ["fieldRef"] = new JsonObject { ["apiVersion"] = "v1", ["fieldPath"] = "metadata.namespace" },
                        }),
                    },
                }),
            ["defaultMode"] = SourceMode,
        },
    };
}
