using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.World;

/// <summary>A test with the real programs and all that they need: skipped, with the reason, where a part is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class EndToEndFactAttribute : FactAttribute
{
    public EndToEndFactAttribute() => Skip = WhyNot();

    internal static string? WhyNot()
    {
        if (ContainerdRig.WhyNot() is { } runtime)
        {
            return runtime;
        }

        if (!ContainerdRig.HasPodNetwork)
        {
            return "the CNI plugins are not installed";
        }

        if (MosquittoBroker.Missing is { } broker)
        {
            return $"{broker} is not installed";
        }

        string[] needs = ["kubectl", ProgramsLocation.CloudCore, ProgramsLocation.EdgeCore];
        return needs.FirstOrDefault(program => !ProgramsCommand.Exists(program)) is { } missing ? $"{missing} is not there" : null;
    }
}
