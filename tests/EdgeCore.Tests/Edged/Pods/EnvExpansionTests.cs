using EdgeSync.EdgeCore.Edged.Pods;

namespace EdgeSync.EdgeCore.Tests.Edged.Pods;

public sealed class EnvExpansionTests
{
    private static readonly Dictionary<string, string> s_known = new() { ["A"] = "one", ["B"] = "two", ["EMPTY"] = "" };

    // the cases of Kubernetes' third_party/forked/golang/expansion
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("$(A)", "one")]
    [InlineData("x$(A)y$(B)z", "xoneytwoz")]
    [InlineData("$(EMPTY)", "")]
    [InlineData("$(MISSING)", "$(MISSING)")]
    [InlineData("$$(A)", "$(A)")]
    [InlineData("$$$(A)", "$one")]
    [InlineData("$$$$(A)", "$$(A)")]
    [InlineData("$", "$")]
    [InlineData("$$", "$")]
    [InlineData("a$", "a$")]
    [InlineData("$(A", "$(A")]
    [InlineData("$A", "$A")]
    [InlineData("$()", "$()")]
    [InlineData("$($(A))", "$($(A))")]
    public void References_are_expanded_as_Kubernetes_does(string text, string expected) =>
        Assert.Equal(expected, EnvExpansion.Expand(text, s_known));
}
