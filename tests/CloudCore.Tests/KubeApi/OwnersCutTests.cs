using System.Text;
using EdgeSync.CloudCore.KubeApi;

namespace EdgeSync.CloudCore.Tests.KubeApi;

public sealed class OwnersCutTests
{
    [Theory]
    [InlineData("""{"metadata":{"name":"a","managedFields":[{"x":{"y":1}}]},"spec":{}}""", """{"metadata":{"name":"a"},"spec":{}}""")]
    [InlineData("""{"metadata":{"managedFields":[ ] , "name":"a"}}""", """{"metadata":{ "name":"a"}}""")]
    [InlineData("""{"metadata":{"managedFields":null}}""", """{"metadata":{}}""")]
    [InlineData("""{"metadata":{"a":1 , "managedFields":[],"b":2}}""", """{"metadata":{"a":1 ,"b":2}}""")]
    [InlineData("""{"spec":{"managedFields":[1]},"metadata":{"name":"a"}}""", """{"spec":{"managedFields":[1]},"metadata":{"name":"a"}}""")]
    [InlineData("""{"spec":{}}""", """{"spec":{}}""")]
    public void Only_the_owners_go(string json, string expected) =>
        Assert.Equal(expected, Encoding.UTF8.GetString(OwnersCut.Copy(Encoding.UTF8.GetBytes(json))));
}
