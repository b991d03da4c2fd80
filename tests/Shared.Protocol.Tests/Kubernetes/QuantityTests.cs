using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.Protocol.Tests.Kubernetes;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("1", 1, 1000)]
    [InlineData("250m", 1, 250)]
    [InlineData("1.5", 2, 1500)]
    [InlineData("0.1", 1, 100)]
    [InlineData("100n", 1, 1)]
    [InlineData("128Mi", 134_217_728, 134_217_728_000)]
    [InlineData("1.5Gi", 1_610_612_736, 1_610_612_736_000)]
    [InlineData("1k", 1000, 1_000_000)]
    [InlineData("2e3", 2000, 2_000_000)]
    [InlineData("2E3", 2000, 2_000_000)]
    [InlineData("1E", 1_000_000_000_000_000_000, long.MaxValue)]
    [InlineData("16Ei", long.MaxValue, long.MaxValue)]
    [InlineData("-1", -1, -1000)]
    [InlineData("+2", 2, 2000)]
    [InlineData(".5", 1, 500)]
    public void Text_is_read_and_rounded_up(string text, long whole, long milli)
    {
        Assert.True(Quantity.TryParse(text, out var quantity));
        Assert.Equal(whole, quantity.Whole);
        Assert.Equal(milli, quantity.Milli);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("m")]
    [InlineData("1 Mi")]
    [InlineData("1mi")]
    [InlineData("1e3Ki")]
    [InlineData("abc")]
    [InlineData("1,5")]
    [InlineData("99999999999999999999999999E")]
    public void What_is_no_quantity_is_refused(string? text) => Assert.False(Quantity.TryParse(text, out _));

    [Theory]
    [InlineData("\"500m\"", 500)]
    [InlineData("2", 2000)]
    [InlineData("0.5", 500)]
    public void JSON_strings_and_numbers_are_both_read(string json, long milli)
    {
        using var document = JsonDocument.Parse(json);
        Assert.True(Quantity.TryRead(document.RootElement, out var quantity));
        Assert.Equal(milli, quantity.Milli);
    }

    [Fact]
    public void Different_spellings_of_an_amount_are_equal()
    {
        Assert.True(Quantity.TryParse("1", out var one));
        Assert.True(Quantity.TryParse("1000m", out var thousand));
        Assert.Equal(one, thousand);
        Assert.False(one < thousand);
    }
}
