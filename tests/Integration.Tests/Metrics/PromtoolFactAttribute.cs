using EdgeSync.Integration.Tests.World;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Metrics;

/// <summary>A test that asks Prometheus' own tool (Debian: prometheus); skipped where it is not there.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PromtoolFactAttribute : FactAttribute
{
    /// <param name="withPrograms">Whether it needs the real programs, too.</param>
    public PromtoolFactAttribute(bool withPrograms = false) =>
        Skip = !ProgramsCommand.Exists("promtool") ? "promtool is not installed" : withPrograms ? EndToEndFactAttribute.WhyNot() : null;
}
