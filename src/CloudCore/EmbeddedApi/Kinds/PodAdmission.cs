using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>What Kubernetes' admission does to a pod that is created, one step for each of its plugins.</summary>
internal static class PodAdmission
{
    /// <summary>In the order in which they run. <see cref="Authentication.PodServiceAccounts"/> comes after them.</summary>
    public static readonly IReadOnlyList<AdmissionStep> Steps = [ServiceAccount, Priority, RuntimeClass, DefaultTolerations];

    private const string AccountsResource = "serviceaccounts";
    private const string PrioritiesResource = "priorityclasses.scheduling.k8s.io";
    private const string RuntimeClassesResource = "runtimeclasses.node.k8s.io";
    private const string MirrorAnnotation = "kubernetes.io/config.mirror";

    /// <summary>A pod that names no service account runs as its namespace's default one, and pulls with its secrets.</summary>
    public static void ServiceAccount(JsonObject pod, JsonObject? old, AdmissionView request)
    {
        if (old is not null || IsMirror(pod))
        {
            return;
        }

        var spec = pod.ObjectOrNew("spec");
        if (spec.Text("serviceAccountName") is null or "")
        {
            spec["serviceAccountName"] = "default";
        }

        spec["serviceAccount"] = spec.Text("serviceAccountName");
        if (spec.List("imagePullSecrets") is { Count: > 0 }
            || request.State.Get(AccountsResource, new NamespacedName(request.Key.Namespace, spec.Text("serviceAccountName")!)) is not { } account
            || !account.Mentions("\"imagePullSecrets\""u8))
        {
            return;
        }

        if (account.Parse().List("imagePullSecrets") is { Count: > 0 } secrets)
        {
            spec["imagePullSecrets"] = secrets.DeepClone();
        }
    }

    /// <summary>The number behind a pod's priorityClassName; without one, the class that is the default for all, or 0.</summary>
    public static void Priority(JsonObject pod, JsonObject? old, AdmissionView request)
    {
        if (old is not null)
        {
            return;
        }

        var spec = pod.ObjectOrNew("spec");
        var name = spec.Text("priorityClassName") ?? "";
        var found = name.Length > 0
            ? request.State.Get(PrioritiesResource, new NamespacedName("", name))?.Parse()
                ?? throw Refuse(request, $"no PriorityClass with name {name} was found")
            : GlobalDefault(request.State);
        if (found is not null)
        {
            spec["priorityClassName"] = found.Object("metadata")!.Text("name");
        }

        var value = found?.Number("value") ?? 0;
        if (spec.Number("priority") is { } given && given != value)
        {
            throw Refuse(
                request,
                FormattableString.Invariant($"the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"));
        }

        spec["priority"] = value;
        var policy = found?.Text("preemptionPolicy") ?? "PreemptLowerPriority";
        if (spec.Text("preemptionPolicy") is { } wanted && wanted != policy)
        {
            throw Refuse(
                request,
                $"the string value of PreemptionPolicy ({wanted}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name");
        }

        spec["preemptionPolicy"] = policy;
    }

    /// <summary>A runtime class must be there; what it costs, and where it is, the pod takes over.</summary>
    public static void RuntimeClass(JsonObject pod, JsonObject? old, AdmissionView request)
    {
        var spec = pod.ObjectOrNew("spec");
        if (old is not null || spec.Text("runtimeClassName") is not { Length: > 0 } name)
        {
            return;
        }

        var found = request.State.Get(RuntimeClassesResource, new NamespacedName("", name))?.Parse()
            ?? throw Refuse(request, $"pod rejected: RuntimeClass \"{name}\" not found");
        if (found.Object("overhead")?.Object("podFixed") is { } overhead)
        {
            if (spec.Object("overhead") is { } given && !JsonNode.DeepEquals(given, overhead))
            {
                throw Refuse(request, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
            }

            spec["overhead"] = overhead.DeepClone();
        }

        if (found.Object("scheduling") is { } scheduling)
        {
            Schedule(spec, scheduling, request);
        }
    }

    /// <summary>
    /// Ordinary pods are given so long on a node that is not ready or not reachable, five minutes where nothing else was set. Pods of nodes at the
    /// edge are not evicted after that unless their node asks for it. Pods of DaemonSets bring their own.
    /// </summary>
    public static void DefaultTolerations(JsonObject pod, JsonObject? old, AdmissionView request)
    {
        var spec = pod.ObjectOrNew("spec");
        (string Key, long Seconds)[] defaults =
        [
            ("node.kubernetes.io/not-ready", request.Settings.NotReadyTolerationSeconds),
            ("node.kubernetes.io/unreachable", request.Settings.UnreachableTolerationSeconds),
        ];
        foreach (var (key, seconds) in defaults)
        {
            if (spec.Objects("tolerations").Any(t => Covers(t, key)))
            {
                continue;
            }

            var tolerations = spec.List("tolerations");
            if (tolerations is null)
            {
                spec["tolerations"] = tolerations = [];
            }

            tolerations.Add((JsonNode)new JsonObject
            {
                ["key"] = key,
                ["operator"] = "Exists",
                ["effect"] = "NoExecute",
                ["tolerationSeconds"] = seconds,
            });
        }
    }

    private static bool Covers(JsonObject toleration, string key) =>
        (toleration.Text("key") is null or "" || toleration.Text("key") == key)
        && toleration.Text("effect") is null or "" or "NoExecute";

    private static JsonObject? GlobalDefault(StoreState state)
    {
        JsonObject? found = null;
        foreach (var stored in state.Of(PrioritiesResource).Values.Where(stored => stored.Mentions("\"globalDefault\":true"u8)))
        {
            var candidate = stored.Parse();
            if (candidate.IsTrue("globalDefault") && (found is null || candidate.Number("value") < found.Number("value")))
            {
                found = candidate;
            }
        }

        return found;
    }

    private static void Schedule(JsonObject spec, JsonObject scheduling, AdmissionView request)
    {
        foreach (var (key, value) in scheduling.Object("nodeSelector") ?? [])
        {
            var selector = spec.ObjectOrNew("nodeSelector");
            if (selector.Text(key) is { } present && present != value.AsText())
            {
                throw Refuse(request, "conflict: runtimeClass.scheduling.nodeSelector conflicts with pod.spec.nodeSelector");
            }

            selector[key] = value?.DeepClone();
        }

        foreach (var toleration in scheduling.Objects("tolerations"))
        {
            if (!spec.Objects("tolerations").Any(t => JsonNode.DeepEquals(t, toleration)))
            {
                spec["tolerations"] ??= new JsonArray();
                spec.List("tolerations")!.Add(toleration.DeepClone());
            }
        }
    }

    private static bool IsMirror(JsonObject pod) => pod.ObjectOrNew("metadata").Object("annotations")?.ContainsKey(MirrorAnnotation) == true;

    private static ApiException Refuse(AdmissionView request, string why) => ApiException.Forbidden(request.Resource, request.Key.Name, why);
}
