using System.Text;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.Protocol.Tests;

/// <summary>Small Kubernetes objects for tests.</summary>
internal static class Objects
{
    public static KubeObject ConfigMap(string name, string uid, string version, string value = "v") => KubeObject.Parse(
        Encoding.UTF8.GetBytes(
            $$$"""
            {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}","namespace":"default","uid":"{{{uid}}}","resourceVersion":"{{{version}}}"},"data":{"k":"{{{value}}}"}}
            """));
}
