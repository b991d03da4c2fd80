using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.KubeEdge;

/// <summary>A test with KubeEdge's own edgecore: skipped, with the reason, where KUBEEDGE_BIN or another part is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubeEdgeFactAttribute : FactAttribute
{
    public KubeEdgeFactAttribute() => Skip = KubeEdgeAgent.WhyNot() ?? EndToEndFactAttribute.WhyNot();
}
