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
    }
}
