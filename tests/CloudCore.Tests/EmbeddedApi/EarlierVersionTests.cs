using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

public class EarlierVersionTests
{
    private const string Budgets = "/namespaces/default/poddisruptionbudgets";

    [Theory]
    [InlineData("policy", "poddisruptionbudgets", """{"metadata":{"name":"x"},"spec":{"minAvailable":1}}""")]
    [InlineData("batch", "cronjobs", """{"metadata":{"name":"x"},"spec":{"schedule":"* * * * *","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}}}""")]
    public async Task An_object_of_v1beta1_is_that_of_v1(string group, string plural, string body)
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());
        var early = $"/apis/{group}/v1beta1/namespaces/default/{plural}";

        await api.PostAsync(early, body);

        Assert.Equal($"{group}/v1", (string?)(await api.GetAsync($"/apis/{group}/v1/namespaces/default/{plural}/x")).Body["apiVersion"]);
        Assert.Equal($"{group}/v1beta1", (string?)(await api.GetAsync($"{early}/x")).Body["apiVersion"]);
        Assert.Equal($"{group}/v1", (string?)(await api.GetAsync($"/apis/{group}")).Body["preferredVersion"]!["groupVersion"]);
    }

    [Fact]
    public async Task An_empty_selector_of_a_budget_selects_nothing_in_v1beta1_and_all_in_v1()
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());

        await api.PostAsync("/apis/policy/v1beta1" + Budgets, """{"metadata":{"name":"none"},"spec":{"minAvailable":1,"selector":{}}}""");
        await api.PostAsync("/apis/policy/v1" + Budgets, """{"metadata":{"name":"all"},"spec":{"minAvailable":1,"selector":{}}}""");

        Assert.Equal("Exists", await OperatorAsync("v1", "none"));
        Assert.Equal("DoesNotExist", await OperatorAsync("v1beta1", "all"));
        Assert.Null(await OperatorAsync("v1beta1", "none"));
        Assert.Null(await OperatorAsync("v1", "all"));

        async Task<string?> OperatorAsync(string version, string name)
        {
            var selector = (await api.GetAsync($"/apis/policy/{version}{Budgets}/{name}")).Body["spec"]!["selector"]!.AsObject();
            return (string?)(selector["matchExpressions"] as JsonArray)?.Single()!["operator"];
        }
    }

    [Fact]
    public async Task A_status_write_of_a_deployment_takes_its_annotations_and_not_its_labels()
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());
        const string path = "/apis/apps/v1/namespaces/default/deployments";
        await api.PostAsync(path, """{"metadata":{"name":"d","labels":{"a":"1"}},"spec":{"selector":{"matchLabels":{"a":"1"}},"template":{"metadata":{"labels":{"a":"1"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}""");

        await api.MergeAsync(path + "/d/status", """{"metadata":{"labels":{"a":"2"},"annotations":{"deployment.kubernetes.io/revision":"1"}},"status":{"replicas":1}}""");

        var deployment = (await api.GetAsync(path + "/d")).Body;
        Assert.Equal("1", (string?)deployment["metadata"]!["annotations"]!["deployment.kubernetes.io/revision"]);
        Assert.Equal("1", (string?)deployment["metadata"]!["labels"]!["a"]);
        Assert.Equal(1, (int)deployment["metadata"]!["generation"]!);
    }
}
