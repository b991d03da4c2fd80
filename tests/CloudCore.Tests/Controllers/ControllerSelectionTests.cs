using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.Controllers;
using EdgeSync.CloudCore.Tests.Commands;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Controllers;

public sealed class ControllerSelectionTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("*", true, true, true)]
    [InlineData("*,-daemonset", false, true, true)]
    [InlineData("*,-daemonset-controller", false, true, true)]
    [InlineData("*,-workloads", false, true, true)]
    [InlineData("-workloads", false, true, true)] // what only leaves out leaves out of all
    [InlineData("daemonset,*,-workloads", true, true, true)] // the first that speaks of it counts
    [InlineData("workloads", true, false, false)]
    [InlineData("garbage-collector-controller,namespace", false, true, true)]
    [InlineData("-namespace", true, true, false)]
    [InlineData("", false, false, false)]
    [InlineData("-*", false, false, false)]
    [InlineData("daemonset,-*", true, false, false)]
    public void A_list_selects_as_kube_controller_managers_does(string list, bool daemonSet, bool garbage, bool namespaces)
    {
        var selection = ControllerSelection.Of(list.Split(','));

        Assert.Equal(
            (daemonSet, garbage, namespaces),
            (selection.Has(KnownControllers.DaemonSet), selection.Has(KnownControllers.GarbageCollector), selection.Has(KnownControllers.Namespace)));
    }

    [Theory]
    [InlineData("foo", "\"foo\" is not a controller of cloudcore; there are daemonset, ")]
    [InlineData("*,-foo", "\"-foo\" is not a controller of cloudcore; there are daemonset, ")]
    [InlineData("--daemonset", "\"--daemonset\" is not a controller")]
    [InlineData("--workloads", "\"--workloads\" is not a controller")]
    [InlineData("DaemonSet", "\"DaemonSet\" is not a controller")]
    public async Task A_name_that_no_controller_has_is_one_error_with_all_names(string list, string expected)
    {
        await CloudCommand.RunAsync("init", "--data-dir", _folder.Path);

        var (exitCode, output, error) = await CloudCommand.RunAsync("run", "--data-dir", _folder.Path, $"--controllers={list}");

        Assert.Equal((2, ""), (exitCode, output));
        Assert.Contains($"--controllers: {expected}", error, StringComparison.Ordinal);
        Assert.All(KnownControllers.All, c => Assert.Contains(c.Name, error, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", true, true)]
    [InlineData("    enable: false\n", false, true)]
    [InlineData("    controllers: [\"*\", \"-workloads\"]\n", false, true)]
    [InlineData("    controllers: [daemonset]\n", true, false)]
    public async Task The_configuration_says_which_run(string yaml, bool daemonSet, bool namespaces)
    {
        await CloudCommand.RunAsync("init", "--data-dir", _folder.Path);
        var files = new CloudFiles(_folder.Path);
        var text = (await File.ReadAllTextAsync(files.Config)).Replace("  controllers:\n", "  controllers:\n" + yaml, StringComparison.Ordinal);

        var selection = CloudCoreConfigFile.Parse(text, files).Config!.Modules.Controllers.Selection(embedded: true);

        Assert.Equal((daemonSet, namespaces), (selection.Has(KnownControllers.DaemonSet), selection.Has(KnownControllers.Namespace)));
    }

    [Fact]
    public async Task On_a_real_cluster_none_runs_until_it_is_asked_for_and_what_the_api_does_itself_cannot_be()
    {
        var kubeconfig = _folder.File("kubeconfig");
        await File.WriteAllTextAsync(kubeconfig, "");
        await CloudCommand.RunAsync("init", "--data-dir", _folder.Path, "--kubeconfig", kubeconfig);
        var files = new CloudFiles(_folder.Path);

        Assert.False(Load(null).Config!.Modules.Controllers.Selection(embedded: false).HasAnyOutsideApi);
        Assert.True(Load("daemonset").Config!.Modules.Controllers.Selection(embedded: false).Has(KnownControllers.DaemonSet));
        Assert.Equal(
            "--controllers: \"namespace\" is a part of the embedded API; on a real cluster its own controller manager does that",
            Assert.Single(Load("namespace").Problems));

        LoadedCloudCoreConfig Load(string? list) => CloudCoreConfigFile.Load(files, new RunWish { Controllers = list?.Split(',') });
    }
}
