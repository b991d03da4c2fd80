namespace EdgeSync.Integration.Tests.World;

/// <summary>A theory with the real programs; skipped where they cannot run, with the reason.</summary>
public sealed class EndToEndTheoryAttribute : TheoryAttribute
{
    public EndToEndTheoryAttribute() => Skip = EndToEndFactAttribute.WhyNot();
}
