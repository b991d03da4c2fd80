using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.CloudCore.EmbeddedApi.Validation;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>
/// pods/eviction: a delete that asks the pod's disruption budget first. What a budget allows is counted by whoever runs the
/// disruption controller, in the budget's status; here one is taken from it, or the eviction is refused with 429.
/// </summary>
internal sealed class EvictionVerbs(
    ObjectStore store, ObjectWriter writer, Func<ResourceTable> resources, TypeSchema evictionType, TimeProvider time, int maxBodyBytes)
{
    private const string Violated = "Cannot evict pod as it would violate the pod's disruption budget.";
    private const string Cause = "DisruptionBudget";
    private const int StillProcessedRetrySeconds = 10;

    // more than that are on their way out already, and nobody confirms them
    private const int MostDisrupted = 2000;

    public async Task EvictAsync(ApiRequest request)
    {
        var body = await request.ReadObjectAsync(maxBodyBytes, evictionType);
        CheckBody(request, body);
        var options = DeleteOptions.Of(body.Object("deleteOptions") ?? []);
        options = options with { DryRun = options.DryRun || request.DryRun };
        var stored = store.State.Get(request.Resource.StorageName, request.Key)
            ?? throw ApiException.NotFound(request.Resource, request.Path.Name);
        var pod = stored.Parse();
        if (options.Uid is { } uid && uid != stored.Uid)
        {
            throw ApiException.Conflict(
                request.Resource, request.Path.Name,
                $"Precondition failed: UID in precondition: {uid}, UID in object meta: {stored.Uid}");
        }

        if (!EndsAnyway(pod))
        {
            await TakeFromBudgetAsync(request, pod, options.DryRun);
        }

        // the budget was asked about this very pod
        await writer.DeleteAsync(WriteContext.Of(request), options with { Uid = stored.Uid }, request.Aborted);
        await request.RespondAsync(201, StatusWriter.Created());
    }

    private static void CheckBody(ApiRequest request, JsonObject body)
    {
        var version = body.Text("apiVersion") ?? "";
        if (body.Text("kind") is not (null or "" or "Eviction") || version is not ("" or "policy/v1" or "policy/v1beta1"))
        {
            throw ApiException.BadRequest(
                $"the body of an eviction must be a policy/v1 or policy/v1beta1 Eviction, not {version} {body.Text("kind")}");
        }

        if (body.Object("metadata")?.Text("name") is { Length: > 0 } name && name != request.Path.Name)
        {
            throw ApiException.BadRequest("name in URL does not match name in Eviction object");
        }
    }

    /// <summary>A pod that does not serve, or is going already, counts for no budget.</summary>
    private static bool EndsAnyway(JsonObject pod) =>
        pod.Object("status")?.Text("phase") is "Succeeded" or "Failed" or "Pending"
        || pod.Object("metadata")!["deletionTimestamp"] is not null;

    private async Task TakeFromBudgetAsync(ApiRequest request, JsonObject pod, bool dryRun)
    {
        var budgets = BudgetsOf(request.Path.Namespace, pod);
        if (budgets.Count > 1)
        {
            throw ApiException.Internal(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.");
        }

        if (budgets.Count == 0)
        {
            return;
        }

        var resource = resources().Find("policy", "v1", "poddisruptionbudgets")!;
        var context = new WriteContext(resource, budgets[0].Key, dryRun, "Ignore", _ => { });
        await writer.UpdateAsync(context, "status", budget => Take(resource, budget, pod), request.Aborted);
    }

    private List<StoredObject> BudgetsOf(string ns, JsonObject pod)
    {
        var labels = pod.Object("metadata")!.Object("labels");
        var found = new List<StoredObject>();
        foreach (var (key, budget) in store.State.Of("poddisruptionbudgets.policy"))
        {
            // no selector is none of the pods, an empty one all of them
            if (key.Namespace == ns && budget.Parse().Object("spec")?.Object("selector") is { } selector && SelectorRules.Matches(selector, labels))
            {
                found.Add(budget);
            }
        }

        return found;
    }

    /// <summary>The budget with one disruption less and this pod written down; it is refused where none is left.</summary>
    private JsonObject Take(ResourceDescriptor resource, JsonObject budget, JsonObject pod)
    {
        var metadata = budget.Object("metadata")!;
        var name = metadata.Text("name")!;
        var status = budget.ObjectOrNew("status");
        if (!IsReady(pod) && EvictsUnready(budget, status))
        {
            return budget;
        }

        if ((status.Number("observedGeneration") ?? 0) < (metadata.Number("generation") ?? 0))
        {
            throw Refuse(StillProcessedRetrySeconds, $"The disruption budget {name} is still being processed by the server.");
        }

        var allowed = status.Number("disruptionsAllowed") ?? 0;
        if (allowed < 0)
        {
            throw ApiException.Forbidden(resource, name, "pdb disruptions allowed is negative");
        }

        var disrupted = status.ObjectOrNew("disruptedPods");
        if (disrupted.Count > MostDisrupted)
        {
            throw ApiException.Forbidden(
                resource, name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller");
        }

        if (allowed == 0)
        {
            throw Refuse(0, $"The disruption budget {name} needs {status.Number("desiredHealthy") ?? 0} healthy pods and has {status.Number("currentHealthy") ?? 0} currently");
        }

        status["disruptionsAllowed"] = allowed - 1;
        disrupted[pod.Object("metadata")!.Text("name")!] = KubeTime.Format(time.GetUtcNow());
        return budget;
    }

    private static ApiException Refuse(int retryAfterSeconds, string why) =>
        ApiException.TooManyRequests(Violated, retryAfterSeconds, new StatusCause { Reason = Cause, Message = why });

    private static bool IsReady(JsonObject pod) => pod.Object("status") is { } status
        && status.Objects("conditions").Any(c => c.Text("type") == "Ready" && c.Text("status") == "True");

    /// <summary>A pod that is not ready does not count as healthy, so its going costs the budget nothing.</summary>
    private static bool EvictsUnready(JsonObject budget, JsonObject status) =>
        budget.Object("spec")?.Text("unhealthyPodEvictionPolicy") == "AlwaysAllow"
        || ((status.Number("desiredHealthy") ?? 0) > 0 && (status.Number("currentHealthy") ?? 0) >= (status.Number("desiredHealthy") ?? 0));
}
