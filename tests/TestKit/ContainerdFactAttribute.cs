using Xunit;

namespace EdgeSync.TestKit;

/// <summary>A test on a containerd of its own: skipped, with the reason, where it cannot run.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ContainerdFactAttribute : FactAttribute
{
    public ContainerdFactAttribute() => Skip = ContainerdRig.WhyNot();
}
