using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The defaults that Kubernetes writes into pods and pod templates, so that readers need none of their own.</summary>
internal static class PodDefaults
{
    private const int SourceMode = 420; // 0644

    /// <summary>Defaults of a pod spec, in a pod or in a template.</summary>
    public static void ApplyToSpec(JsonObject spec)
    {
        spec.SetDefault("restartPolicy", "Always");
        spec.SetDefault("terminationGracePeriodSeconds", 30);
        if (spec.Number("terminationGracePeriodSeconds") is < 0)
        {
            // no client is refused for it, and nothing ends in less than no time: since 1.27 it is a second
            spec["terminationGracePeriodSeconds"] = 1;
        }

        spec.SetDefault("dnsPolicy", "ClusterFirst");
        spec.ObjectOrNew("securityContext");
        spec.SetDefault("schedulerName", "default-scheduler");
        if (spec.Text("serviceAccountName") is { Length: > 0 } account)
        {
            // the older name of the same field is kept equal
            spec["serviceAccount"] = account;
        }
        else if (spec.Text("serviceAccount") is { Length: > 0 } older)
        {
            spec["serviceAccountName"] = older;
        }

        var hostNetwork = spec.IsTrue("hostNetwork");
        foreach (var list in (string[])["initContainers", "containers", "ephemeralContainers"])
        {
            foreach (var container in spec.Objects(list))
            {
                ApplyToContainer(container, hostNetwork);
            }
        }

        foreach (var volume in spec.Objects("volumes"))
        {
            ApplyToVolume(volume);
        }
    }

    /// <summary>
    /// What only a pod gets, not a template. Kubernetes' admission also adds tolerations of 300 seconds for a node that
    /// is gone; edge pods stay where they are, so that is left out.
    /// </summary>
    public static void Apply(JsonObject pod)
    {
        var spec = pod.ObjectOrNew("spec");
        ApplyToSpec(spec);
        if (spec["enableServiceLinks"] is null)
        {
            spec["enableServiceLinks"] = true;
        }

        foreach (var container in spec.Objects("containers").Concat(spec.Objects("initContainers")))
        {
            LimitsAreRequests(container);
        }
    }

    /// <summary>A new pod is Pending; its class of service follows from its requests and limits. One that somebody still holds back says so.</summary>
    public static void PrepareCreate(JsonObject pod)
    {
        var spec = pod.ObjectOrNew("spec");
        var status = new JsonObject { ["phase"] = "Pending", ["qosClass"] = QualityOfService.Of(spec) };
        if (spec.List("schedulingGates") is { Count: > 0 })
        {
            status["conditions"] = new JsonArray(new JsonObject
            {
                ["type"] = "PodScheduled",
                ["status"] = "False",
                ["lastProbeTime"] = null,
                ["lastTransitionTime"] = pod.Object("metadata")?.Text("creationTimestamp"),
                ["reason"] = "SchedulingGated",
                ["message"] = "Scheduling is blocked due to non-empty scheduling gates",
            });
        }

        pod["status"] = status;
    }

    /// <summary>The older member and the first of the list are the same address; where they differ the older one counts.</summary>
    public static void Status(JsonObject pod)
    {
        if (pod.Object("status") is not { } status)
        {
            return;
        }

        var first = status.Objects("podIPs").FirstOrDefault()?.Text("ip");
        if (status.Text("podIP") is { Length: > 0 } address)
        {
            if (first != address)
            {
                status["podIPs"] = new JsonArray(new JsonObject { ["ip"] = address });
            }
        }
        else if (first is { Length: > 0 })
        {
            status["podIP"] = first;
        }
    }

    /// <summary>The seconds until a deleted pod is removed: none where no node runs it.</summary>
    public static long DeletionGrace(JsonObject pod, long? asked)
    {
        var spec = pod.ObjectOrNew("spec");
        if (spec.Text("nodeName") is null or "" || pod.Object("status")?.Text("phase") is "Succeeded" or "Failed")
        {
            return 0;
        }

        var grace = asked ?? spec.Number("terminationGracePeriodSeconds") ?? 30;
        return grace < 0 ? 1 : grace;
    }

    private static void ApplyToContainer(JsonObject container, bool hostNetwork)
    {
        container.SetDefault("terminationMessagePath", "/dev/termination-log");
        container.SetDefault("terminationMessagePolicy", "File");
        container.SetDefault("imagePullPolicy", ImageIsLatest(container.Text("image") ?? "") ? "Always" : "IfNotPresent");
        container.ObjectOrNew("resources");
        foreach (var port in container.Objects("ports"))
        {
            port.SetDefault("protocol", "TCP");
            if (hostNetwork && port["hostPort"] is null && port.Number("containerPort") is { } number)
            {
                port["hostPort"] = number;
            }
        }

        foreach (var variable in container.Objects("env"))
        {
            variable.Object("valueFrom")?.Object("fieldRef")?.SetDefault("apiVersion", "v1");
        }

        foreach (var probe in (string[])["livenessProbe", "readinessProbe", "startupProbe"])
        {
            if (container.Object(probe) is { } found)
            {
                ApplyToProbe(found);
            }
        }

        foreach (var hook in (string[])["postStart", "preStop"])
        {
            ApplyToHttp(container.Object("lifecycle")?.Object(hook));
        }
    }

    private static void ApplyToProbe(JsonObject probe)
    {
        probe.SetDefault("timeoutSeconds", 1);
        probe.SetDefault("periodSeconds", 10);
        probe.SetDefault("successThreshold", 1);
        probe.SetDefault("failureThreshold", 3);
        probe.Object("grpc")?.SetDefault("service", "");
        ApplyToHttp(probe);
    }

    private static void ApplyToHttp(JsonObject? handler)
    {
        if (handler?.Object("httpGet") is { } http)
        {
            http.SetDefault("path", "/");
            http.SetDefault("scheme", "HTTP");
        }
    }

    private static void ApplyToVolume(JsonObject volume)
    {
        if (!volume.Any(m => m.Key != "name"))
        {
            volume["emptyDir"] = new JsonObject();
        }

        volume.Object("configMap")?.SetDefault("defaultMode", SourceMode);
        volume.Object("secret")?.SetDefault("defaultMode", SourceMode);
        volume.Object("hostPath")?.SetDefault("type", "");
        foreach (var name in (string[])["downwardAPI", "projected"])
        {
            if (volume.Object(name) is not { } source)
            {
                continue;
            }

            source.SetDefault("defaultMode", SourceMode);
            var items = source.Objects("items")
                .Concat(source.Objects("sources").SelectMany(s => s.Object("downwardAPI")?.Objects("items") ?? []));
            foreach (var item in items)
            {
                item.Object("fieldRef")?.SetDefault("apiVersion", "v1");
            }

            foreach (var token in source.Objects("sources").Select(s => s.Object("serviceAccountToken")))
            {
                token?.SetDefault("expirationSeconds", 3600);
            }
        }
    }

    private static void LimitsAreRequests(JsonObject container)
    {
        if (container.Object("resources") is not { } resources || resources.Object("limits") is not { } limits)
        {
            return;
        }

        var requests = resources.ObjectOrNew("requests");
        foreach (var (name, value) in limits)
        {
            if (requests[name] is null)
            {
                requests[name] = value?.DeepClone();
            }
        }
    }

    private static bool ImageIsLatest(string image)
    {
        if (image.Contains('@', StringComparison.Ordinal))
        {
            return false;
        }

        var name = image[(image.LastIndexOf('/') + 1)..];
        var colon = name.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 || name[(colon + 1)..] == "latest";
    }
}
