using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>A fault on the real programs in networks of their own: skipped, with the reason, where a part is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FaultFactAttribute : FactAttribute
{
    public FaultFactAttribute() => Skip = WhyNot();

    internal static string? WhyNot() => EndToEndFactAttribute.WhyNot() ?? NetworkNamespace.WhyNot();
}

/// <inheritdoc cref="FaultFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
public sealed class FaultTheoryAttribute : TheoryAttribute
{
    public FaultTheoryAttribute() => Skip = FaultFactAttribute.WhyNot();
}
