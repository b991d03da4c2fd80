using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.KubeEdge;

/// <summary>A test with KubeEdge's own cloudcore: skipped, with the reason, where it or another part is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubeEdgeCloudFactAttribute : FactAttribute
{
    public KubeEdgeCloudFactAttribute() => Skip = KubeEdgeCloud.WhyNot() ?? EndToEndFactAttribute.WhyNot();
}
