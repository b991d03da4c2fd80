using System.Text.Json.Nodes;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Tests.Controllers;

/// <summary>What becomes of revisions that were there before, on the embedded API with all controllers at work.</summary>
public sealed class RevisionHistoryTests
{
    [Fact]
    public async Task Another_revision_of_the_same_name_counts_up_the_collisions_and_gets_out_of_the_way()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.CreateAsync(ApiResources.DaemonSets, DaemonSet("d", "i:1"));
        await rig.HoldsAsync("a revision is stored", async () => (await RevisionsAsync(rig)).Count == 1);
        var name = (await RevisionsAsync(rig))[0]["metadata"]!["name"]!.ToString();
        await rig.Client.DeleteAsync(ApiResources.DaemonSets, "default", "d", null, rig.Ct);
        await rig.HoldsAsync("it went with its owner", async () => (await RevisionsAsync(rig)).Count == 0);

        await rig.CreateAsync(ApiResources.ControllerRevisions, $$"""
            {"metadata":{"name":"{{name}}"},"revision":7,"data":{"spec":{"template":{"other":true} } } }
            """);
        await rig.CreateAsync(ApiResources.DaemonSets, DaemonSet("d", "i:1"));
        await rig.HoldsAsync("it has a revision of another name", async () => (await RevisionsAsync(rig)).Any(revision => IsOf(revision, "d")));
        var own = (await RevisionsAsync(rig)).Single(revision => IsOf(revision, "d"));
        Assert.NotEqual(name, own["metadata"]!["name"]!.ToString());
        Assert.Equal(1, (int)own["revision"]!);
        await rig.HoldsAsync("the collision is counted", async () =>
            (int?)(await rig.GetAsync(ApiResources.DaemonSets, "d"))!["status"]!["collisionCount"] == 1);
        Assert.Null((await rig.GetAsync(ApiResources.ControllerRevisions, name))!["metadata"]!["ownerReferences"]);
    }

    [Fact]
    public async Task Orphans_of_the_same_template_are_gone_on_with_under_whatever_name()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await rig.CreateAsync(ApiResources.DaemonSets, DaemonSet("d", "i:1"));
        await rig.HoldsAsync("it runs", () => rig.Alive("a").Any(pod => pod.IsReady));
        var pod = rig.Alive("a")[0];
        await rig.Client.DeleteAsync(ApiResources.DaemonSets, "default", "d", new DeleteOptions { PropagationPolicy = "Orphan" }, rig.Ct);
        await rig.HoldsAsync("it is gone", async () => await rig.GetAsync(ApiResources.DaemonSets, "d") is null);

        await rig.CreateAsync(ApiResources.DaemonSets, DaemonSet("e", "i:1"));
        await rig.HoldsAsync("its pod is an updated one of the new owner", async () =>
            (int?)(await rig.GetAsync(ApiResources.DaemonSets, "e"))!["status"]?["updatedNumberScheduled"] == 1
            && rig.Alive("a")[0].Controller?.Name == "e");
        Assert.Equal(pod.Uid, Assert.Single(rig.Alive("a")).Uid);
        var revision = Assert.Single(await RevisionsAsync(rig));
        Assert.StartsWith("d-", revision["metadata"]!["name"]!.ToString(), StringComparison.Ordinal);
        Assert.True(IsOf(revision, "e"));
    }

    [Fact]
    public async Task A_stateful_set_of_another_name_and_template_goes_on_with_the_history_of_the_one_before()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.CreateAsync(ApiResources.StatefulSets, StatefulSet("s", "i:1"));
        await rig.HoldsAsync("a revision is stored", async () => (await RevisionsAsync(rig)).Count == 1);
        await rig.Client.DeleteAsync(ApiResources.StatefulSets, "default", "s", new DeleteOptions { PropagationPolicy = "Orphan" }, rig.Ct);
        await rig.HoldsAsync("it is gone", async () => await rig.GetAsync(ApiResources.StatefulSets, "s") is null);

        await rig.CreateAsync(ApiResources.StatefulSets, StatefulSet("t", "i:2"));
        await rig.HoldsAsync("both are the new one's", async () => (await RevisionsAsync(rig)).Count(revision => IsOf(revision, "t")) == 2);
        Assert.Equal(
            [(1, "i:1"), (2, "i:2")],
            (await RevisionsAsync(rig)).Select(revision =>
                ((int)revision["revision"]!, revision["data"]!["spec"]!["template"]!["spec"]!["containers"]![0]!["image"]!.ToString())).Order());
        await rig.HoldsAsync("the status names its own", async () =>
            ((string?)(await rig.GetAsync(ApiResources.StatefulSets, "t"))!["status"]?["updateRevision"])?.StartsWith("t-", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task Of_two_revisions_of_a_daemon_set_with_the_same_template_the_newest_stays_and_the_pods_are_its()
    {
        await using var rig = await WorkloadRig.StartAsync();
        await rig.AddNodeAsync("n0");
        await rig.CreateAsync(ApiResources.DaemonSets, DaemonSet("d", "i:1"));
        await rig.HoldsAsync("it runs", () => rig.Alive("a").Any(pod => pod.IsReady));
        var pod = rig.Alive("a")[0];
        var first = Assert.Single(await RevisionsAsync(rig));

        // by hand, and without the label with the hash: it stands under its name
        await rig.CreateAsync(ApiResources.ControllerRevisions, new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = "copy", ["ownerReferences"] = first["metadata"]!["ownerReferences"]!.DeepClone() },
            ["revision"] = 3,
            ["data"] = first["data"]!.DeepClone(),
        }.ToJsonString());
        await rig.PatchAsync(ApiResources.DaemonSets, "d", """{"metadata":{"annotations":{"looked":"at"} } }""");
        await rig.HoldsAsync("one is left", async () => (await RevisionsAsync(rig)).Count == 1);
        Assert.Equal("copy", Assert.Single(await RevisionsAsync(rig))["metadata"]!["name"]!.ToString());
        await rig.HoldsAsync("its pod is updated as it stands", async () =>
            (int?)(await rig.GetAsync(ApiResources.DaemonSets, "d"))!["status"]?["updatedNumberScheduled"] == 1);
        await rig.HoldsAsync("its pod is the copy's", () => rig.Alive("a") is [var now] && now.Uid == pod.Uid && now.Labels["controller-revision-hash"] == "copy");
    }

    [Fact]
    public void Which_revision_stands_for_the_template()
    {
        RevisionFacts[] known = [Revision("a", 1, "x"), Revision("b", 2, "y"), Revision("c", 3, "y")];

        var newest = RevisionPlan.Decide(known, "y");
        Assert.Equal(("c", 3), (newest.Current!.Name.Name, newest.Number));
        Assert.Equal(["b"], newest.Duplicates.Select(revision => revision.Name.Name));

        var goneBack = RevisionPlan.Decide(known, "x");
        Assert.Equal(("a", 4), (goneBack.Current!.Name.Name, goneBack.Number));
        Assert.Empty(goneBack.Duplicates);

        var made = RevisionPlan.Decide(known, "z");
        Assert.Equal((null, 4), (made.Current, made.Number));
        Assert.Equal(1, RevisionPlan.Decide([], "z").Number);

        var leaving = RevisionPlan.Decide([.. known.Take(2), known[2] with { IsDeleting = true }], "y");
        Assert.Equal(("b", 2), (leaving.Current!.Name.Name, leaving.Number));
        Assert.Empty(leaving.Duplicates);
    }

    [Fact]
    public void Of_the_same_number_the_younger_is_the_newest_and_only_pods_of_the_other_are_relabelled()
    {
        var older = Revision("z", 1, "x") with { Created = DateTimeOffset.UnixEpoch };
        var younger = Revision("a", 1, "x") with { Created = DateTimeOffset.UnixEpoch.AddSeconds(1) };
        var plan = RevisionPlan.Decide(RevisionIndex.InOrder([younger, older]), "x");
        Assert.Equal("a", plan.Current!.Name.Name);

        PodFacts[] pods = [Pod("p", "z"), Pod("q", "a"), Pod("r", "of-another-template")];
        Assert.Equal(["p"], RevisionPlan.PodsOf(plan.Duplicates, pods, "hash").Select(pod => pod.Uid));

        static PodFacts Pod(string name, string hash) =>
            new() { Name = new NamespacedName("ns", name), Uid = name, Labels = new Dictionary<string, string> { ["hash"] = hash } };
    }

    private static RevisionFacts Revision(string name, long number, string digest) =>
        new(new NamespacedName("ns", name), name, number, digest, name, new Dictionary<string, string>(), [], default, false);

    private static bool IsOf(JsonObject revision, string owner) => revision["metadata"]!["ownerReferences"]?[0]?["name"]?.ToString() == owner;

    private static Task<IReadOnlyList<JsonObject>> RevisionsAsync(WorkloadRig rig) => rig.ListAsync(ApiResources.ControllerRevisions);

    private static string DaemonSet(string name, string image) => $$$$$"""
        {"metadata":{"name":"{{{{{name}}}}}"},"spec":{"selector":{"matchLabels":{"app":"a"}},
         "template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"{{{{{image}}}}}"}]}}}}
        """;

    private static string StatefulSet(string name, string image) => $$$$$"""
        {"metadata":{"name":"{{{{{name}}}}}"},"spec":{"replicas":0,"serviceName":"s","selector":{"matchLabels":{"app":"a"}},
         "template":{"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"{{{{{image}}}}}"}]}}}}
        """;
}
