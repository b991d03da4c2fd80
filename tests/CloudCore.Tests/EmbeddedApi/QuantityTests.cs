using EdgeSync.CloudCore.EmbeddedApi.Validation;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>The one form in which an amount is written (resource.Quantity).</summary>
public sealed class QuantityTests
{
    [Theory]
    [InlineData("1000m", "1")]
    [InlineData("0.5", "500m")]
    [InlineData("1500m", "1500m")]
    [InlineData("1024Ki", "1Mi")]
    [InlineData("0.5Gi", "512Mi")]
    [InlineData("1.2Ki", "1228800m")]
    [InlineData("1e3", "1e3")]
    [InlineData("1.5e3", "1500")]
    [InlineData("1000k", "1M")]
    [InlineData("00.10", "100m")]
    [InlineData("-0.5", "-500m")]
    [InlineData("0Mi", "0")]
    [InlineData("0.0000000001", "1n")]
    [InlineData("100000000000000000000", "100E")]
    [InlineData("9223372036854775807", "9223372036854775807")]
    [InlineData("2048Mi", "2Gi")]
    [InlineData("1000", "1k")]
    [InlineData("0", "0")]
    [InlineData("1023Ki", "1023Ki")]
    [InlineData("1E", "1E")]
    [InlineData("many", "many")]
    public void Amounts_have_one_form(string given, string expected)
    {
        Assert.Equal(expected, QuantityRules.Canonical(given));
        Assert.Equal(expected, QuantityRules.Canonical(expected));
    }

    [Theory]
    [InlineData("1n", "1m")]
    [InlineData("1.23456", "1235m")]
    [InlineData("-1.23456", "-1235m")]
    public void Lists_of_resources_round_up_to_the_thousandth(string given, string expected) =>
        Assert.Equal(expected, QuantityRules.Canonical(given, QuantityRules.Milli));
}
