using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.KubeApi;

/// <summary>The tests that share one real API server, each in a namespace and with node names of its own.</summary>
[CollectionDefinition(Name)]
public sealed class EnvtestCollection : ICollectionFixture<EnvtestCluster>
{
    public const string Name = "envtest";
}
