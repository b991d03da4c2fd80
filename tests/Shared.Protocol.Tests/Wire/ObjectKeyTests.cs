using EdgeSync.Protocol.Wire;

namespace EdgeSync.Protocol.Tests.Wire;

public sealed class ObjectKeyTests
{
    [Theory]
    [InlineData("default/pod/web-1", "default", "pod", "web-1")]
    [InlineData("null/node/edge-1", "", "node", "edge-1")]
    public void A_wire_resource_is_read_and_written_back(string wire, string ns, string type, string name)
    {
        Assert.True(ObjectKey.TryParse(wire, out var key));
        Assert.Equal(new ObjectKey(ns, type, name), key);
        Assert.Equal(wire, key.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("membership")]
    [InlineData("default/pod")]
    [InlineData("default/pod/")]
    [InlineData("/pod/x")]
    [InlineData("default//x")]
    [InlineData("device/default/thermo/twin/edge_updated")]
    public void What_is_not_an_object_address_is_not_taken_for_one(string? wire) =>
        Assert.False(ObjectKey.TryParse(wire, out _));
}
