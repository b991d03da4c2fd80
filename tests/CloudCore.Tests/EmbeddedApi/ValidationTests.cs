using System.Net;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>What is refused, in the words and with the fields that Kubernetes' users know.</summary>
public sealed class ValidationTests(ApiFixture fixture) : IClassFixture<ApiFixture>
{
    private const string Template = "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}";

    [Theory]
    [InlineData("spec.template.metadata.labels", "Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`", "{\"selector\":{\"matchLabels\":{\"a\":\"c\"}}," + Template + "}")]
    [InlineData("spec.template.metadata.labels", "Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`", "{" + Template + "}")]
    [InlineData("spec.template.spec.containers", "Required value", "{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[]}}}")]
    [InlineData("spec.template.spec.restartPolicy", "Unsupported value: \"Never\": supported values: \"Always\"", "{\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}")]
    [InlineData("spec.updateStrategy.rollingUpdate.maxSurge", "Invalid value: 1: may not be set when maxUnavailable is non-zero", "{\"updateStrategy\":{\"rollingUpdate\":{\"maxSurge\":1}},\"selector\":{\"matchLabels\":{\"a\":\"b\"}}," + Template + "}")]
    public async Task Daemon_sets(string field, string message, string spec) =>
        await RefusedAsync(ApiClient.Apps + "/daemonsets", "DaemonSet.apps", field, message, spec);

    [Theory]
    [InlineData("spec.containers[0].image", "Required value", """{"containers":[{"name":"c"}]}""")]
    [InlineData("spec.containers[1].name", "Duplicate value: \"c\"", """{"containers":[{"name":"c","image":"i"},{"name":"c","image":"i"}]}""")]
    [InlineData("spec.containers[0].volumeMounts[0].name", "Not found: \"v\"", """{"containers":[{"name":"c","image":"i","volumeMounts":[{"name":"v","mountPath":"/a"}]}]}""")]
    [InlineData("spec.containers[0].ports[0].containerPort", "Invalid value: 70000: must be between 1 and 65535, inclusive", """{"containers":[{"name":"c","image":"i","ports":[{"containerPort":70000}]}]}""")]
    [InlineData("spec.containers[0].env[0].name", "Required value", """{"containers":[{"name":"c","image":"i","env":[{"name":""}]}]}""")]
    [InlineData("spec.restartPolicy", "Unsupported value: \"Sometimes\": supported values: \"Always\", \"Never\", \"OnFailure\"", """{"restartPolicy":"Sometimes","containers":[{"name":"c","image":"i"}]}""")]
    [InlineData("spec.containers[0].resources.requests", "Invalid value: \"2\": must be less than or equal to cpu limit of 1500m", """{"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"1500m"},"requests":{"cpu":"2"}}}]}""")]
    [InlineData("spec.containers[0].resources.requests[cpu]", "Invalid value: \"-1\": must be greater than or equal to 0", """{"containers":[{"name":"c","image":"i","resources":{"requests":{"cpu":"-1"}}}]}""")]
    [InlineData("spec.containers[0].lifecycle.preStop.sleep", "Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)", """{"containers":[{"name":"c","image":"i","lifecycle":{"preStop":{"sleep":{"seconds":31}}}}]}""")]
    [InlineData("spec.initContainers[0].livenessProbe", "Forbidden: may not be set for init containers without restartPolicy=Always", """{"initContainers":[{"name":"d","image":"i","livenessProbe":{"tcpSocket":{"port":1}}}],"containers":[{"name":"c","image":"i"}]}""")]
    [InlineData("spec.containers[0].securityContext.procMount", "Unsupported value: \"x\": supported values: \"Default\", \"Unmasked\"", """{"containers":[{"name":"c","image":"i","securityContext":{"procMount":"x"}}]}""")]
    [InlineData("spec.schedulingGates[1]", "Duplicate value: \"a\"", """{"schedulingGates":[{"name":"a"},{"name":"a"}],"containers":[{"name":"c","image":"i"}]}""")]
    public async Task Pods(string field, string message, string spec) =>
        await RefusedAsync(ApiClient.Core + "/pods", "Pod", field, message, spec);

    [Theory]
    [InlineData("spec.deviceModelRef", "Required value", """{"nodeName":"n"}""")]
    [InlineData("spec.deviceModelRef.name", "Required value", """{"deviceModelRef":{}}""")]
    [InlineData("spec.properties[0].name", "Required value", """{"deviceModelRef":{"name":"m"},"properties":[{"desired":{"value":"1"}}]}""")]
    [InlineData("spec.properties[1]", "Duplicate value: {\"name\":\"t\"}", """{"deviceModelRef":{"name":"m"},"properties":[{"name":"t"},{"name":"t"}]}""")]
    [InlineData("spec.nodeName", "Invalid value: \"A_b\": spec.nodeName in body should match '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$'", """{"deviceModelRef":{"name":"m"},"nodeName":"A_b"}""")]
    public async Task Devices(string field, string message, string spec) => await RefusedAsync(
        "/apis/devices.kubeedge.io/v1beta1/namespaces/default/devices", "Device.devices.kubeedge.io", field, message, spec,
        "\"apiVersion\":\"devices.kubeedge.io/v1beta1\",\"kind\":\"Device\",");

    [Fact]
    public async Task A_selector_and_a_pods_spec_cannot_be_changed_but_an_image_can()
    {
        var api = fixture.Api;
        const string set = ApiClient.Apps + "/daemonsets/fixed";
        await api.PostAsync(ApiClient.Apps + "/daemonsets", TestObjects.DaemonSet("fixed"));
        var selector = await api.MergeAsync(set, """{"spec":{"selector":{"matchLabels":{"app":"w","x":"y"}},"template":{"metadata":{"labels":{"x":"y"}}}}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, selector.Code);
        Assert.EndsWith("field is immutable", selector.Message, StringComparison.Ordinal);
        const string pod = ApiClient.Core + "/pods/fixed";
        await api.PostAsync(ApiClient.Core + "/pods", TestObjects.Pod("fixed", null));
        Assert.Equal(HttpStatusCode.UnprocessableEntity, (await api.MergeAsync(pod, """{"spec":{"hostNetwork":true}}""")).Code);
        var image = await api.StrategicAsync(pod, """{"spec":{"containers":[{"name":"c","image":"nginx:2"}]}}""");
        Assert.Equal((HttpStatusCode.OK, "nginx:2"), (image.Code, (string?)image.Body["spec"]!["containers"]![0]!["image"]));
    }

    /// <summary>A container for looking into a pod is no part of it: what a part would have is refused, and no name stands twice.</summary>
    [Theory]
    [InlineData("spec.ephemeralContainers[0].name", "Duplicate value: \"c\"", """[{"name":"c","image":"i"}]""")]
    [InlineData("spec.ephemeralContainers[1].name", "Duplicate value: \"e\"", """[{"name":"e","image":"i"},{"name":"e","image":"i"}]""")]
    [InlineData("spec.ephemeralContainers[0].ports", "Forbidden: cannot be set for an Ephemeral Container", """[{"name":"e","image":"i","ports":[{"containerPort":1}]}]""")]
    [InlineData("spec.ephemeralContainers[0].targetContainerName", "Not found: \"d\"", """[{"name":"e","image":"i","targetContainerName":"d"}]""")]
    public async Task Ephemeral_containers(string field, string message, string containers)
    {
        var api = fixture.Api;
        var name = $"looked-at-{Guid.NewGuid():N}"[..20];
        await api.PostAsync(ApiClient.Core + "/pods", TestObjects.Pod(name, null));
        var answer = await api.MergeAsync($"{ApiClient.Core}/pods/{name}/ephemeralcontainers", "{\"spec\":{\"ephemeralContainers\":" + containers + "}}");
        Assert.Equal((HttpStatusCode.UnprocessableEntity, $"Pod \"{name}\" is invalid: {field}: {message}"), (answer.Code, answer.Message));
    }

    [Fact]
    public async Task Wrong_types_name_the_field()
    {
        var answer = await fixture.Api.PostAsync(ApiClient.Core + "/pods", """{"metadata":{"name":"t"},"spec":{"containers":[{"name":"c","image":7}]}}""");
        Assert.Equal(HttpStatusCode.BadRequest, answer.Code);
        Assert.Contains("Go struct field Container.spec.containers.image of type string", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Config_maps_and_secrets_keep_their_limits()
    {
        var api = fixture.Api;
        var key = await api.PostAsync(ApiClient.Core + "/configmaps", """{"metadata":{"name":"k"},"data":{"a b":"c"}}""");
        Assert.Contains("data[a b]: Invalid value", key.Message, StringComparison.Ordinal);
        var size = await api.PostAsync(ApiClient.Core + "/configmaps", new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "k" },
            ["data"] = new JsonObject { ["a"] = new string('x', (1 << 20) + 1) },
        }.ToJsonString());
        Assert.Contains("Too long", size.Message, StringComparison.Ordinal);
        var fixedMap = await api.PostAsync(ApiClient.Core + "/configmaps", """{"metadata":{"name":"imm"},"immutable":true,"data":{"a":"b"}}""");
        Assert.Equal(HttpStatusCode.Created, fixedMap.Code);
        var changed = await api.MergeAsync(ApiClient.Core + "/configmaps/imm", """{"data":{"a":"c"}}""");
        Assert.Contains("field is immutable when `immutable` is set", changed.Message, StringComparison.Ordinal);
        var secret = await api.PostAsync(ApiClient.Core + "/secrets", """{"metadata":{"name":"s"},"stringData":{"p":"q"}}""");
        Assert.Equal(("Opaque", "cQ=="), ((string?)secret.Body["type"], (string?)secret.Body["data"]!["p"]));
        Assert.Null(secret.Body["stringData"]);
    }

    private async Task RefusedAsync(string path, string kind, string field, string message, string spec, string type = "")
    {
        var answer = await fixture.Api.PostAsync(path, $"{{{type}\"metadata\":{{\"name\":\"bad\"}},\"spec\":{spec}}}");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.Code);
        Assert.Equal($"{kind} \"bad\" is invalid: {field}: {message}", answer.Message);
        var cause = answer.Body["details"]!["causes"]![0]!;
        Assert.Equal((field, message), ((string?)cause["field"], (string?)cause["message"]));
    }
}
