using EdgeSync.CloudCore.Configuration;
using EdgeSync.Protocol.Configuration;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Commands;

public class ManifestTests
{
    [Fact]
    public void The_configuration_in_the_manifest_for_a_cluster_is_one_that_cloudcore_takes()
    {
        using var folder = new TempFolder();
        var text = File.ReadAllText(Path.Combine(ProgramsLocation.Root, "deploy", "cloud", "cloudcore.yaml"));
        var map = YamlToJson.ReadOne(text[..text.IndexOf("\n---", StringComparison.Ordinal)])!;

        var loaded = CloudCoreConfigFile.Parse((string)map["data"]!["cloudcore.yaml"]!, new CloudFiles(folder.Path));

        Assert.Empty(loaded.Problems);
        Assert.Empty(loaded.Warnings);
        Assert.True(loaded.Config!.KubeAPIConfig.InCluster);
        Assert.False(loaded.Config.Modules.Controllers.Selection(embedded: false).HasAnyOutsideApi);
        Assert.True(loaded.Config.LeaderElection.LeaderElect); // there are two replicas
    }

    [Theory]
    [InlineData("modules: {embeddedApi: {enable: true}}", "leaderElection.leaderElect", "the embedded API is one process")]
    [InlineData("leaderElection: {leaseDuration: 10s}", "leaderElection.leaseDuration", "longer than renewDeadline")]
    [InlineData("leaderElection: {leaseDuration: 15500ms}", "leaderElection.leaseDuration", "whole seconds")]
    [InlineData("leaderElection: {renewDeadline: 2s}", "leaderElection.renewDeadline", "1.2 times retryPeriod")]
    [InlineData("leaderElection: {retryPeriod: 1ms}", "leaderElection.retryPeriod", "100ms or longer")]
    [InlineData("leaderElection: {resourceName: Cloud Core}", "leaderElection.resourceName", "a name in Kubernetes' form")]
    public void Settings_of_replicas_that_cannot_hold_are_refused_in_words(string yaml, string member, string text)
    {
        using var folder = new TempFolder();
        var kubeconfig = folder.File("kubeconfig");
        File.WriteAllText(kubeconfig, "");
        var cluster = yaml.StartsWith("modules", StringComparison.Ordinal) ? yaml : $"kubeAPIConfig: {{kubeConfig: {kubeconfig}}}\nmodules: {{embeddedApi: {{enable: false}}}}\n{yaml}";

        var loaded = CloudCoreConfigFile.Parse(
            $"apiVersion: cloudcore.config.kubeedge.io/v1alpha2\nkind: CloudCore\n{cluster}", new CloudFiles(folder.Path), new RunWish { LeaderElect = true });

        Assert.Contains(loaded.Problems, p => p.Contains(member, StringComparison.Ordinal) && p.Contains(text, StringComparison.Ordinal));
    }

    [Fact]
    public void The_command_line_says_that_a_cloudcore_is_one_of_several_and_where_the_API_server_reaches_it()
    {
        var config = new RunWish { LeaderElect = true, StreamAddress = "10.1.2.3" }.Over(new CloudCoreConfig());
        Assert.True(config.LeaderElection.LeaderElect);
        Assert.Equal("10.1.2.3", config.Modules.CloudStream.IPOf(config.Modules.CloudHub));
        Assert.False(new RunWish().Over(new CloudCoreConfig()).LeaderElection.LeaderElect);
    }
}
