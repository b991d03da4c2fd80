using System.Text.Json.Nodes;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi.CustomResources;

/// <summary>Definitions for tests: <c>widgets</c> in groups of their own, so that tests can share a server.</summary>
internal static class Widgets
{
    public const string Definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    /// <summary>A definition of <c>widgets.GROUP</c> with one version, v1, whose spec has this schema.</summary>
    /// <param name="group">The group; give each test one.</param>
    /// <param name="spec">The schema of the spec, YAML in flow style.</param>
    /// <param name="more">More members of the version, YAML in flow style without braces.</param>
    /// <param name="status">The schema of the status.</param>
    public static string Definition(string group, string spec, string more = "subresources: {status: {}}", string status = "{type: object, x-kubernetes-preserve-unknown-fields: true}") => Json("""
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: widgets.GROUP}
        spec:
          group: GROUP
          scope: Namespaced
          names: {plural: widgets, kind: Widget}
          versions:
            - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: SPEC, status: STATUS}}}MORE}
        """
        .Replace("GROUP", group, StringComparison.Ordinal)
        .Replace("SPEC", spec.ReplaceLineEndings(" "), StringComparison.Ordinal)
        .Replace("STATUS", status, StringComparison.Ordinal)
        .Replace("MORE", more.Length == 0 ? "" : ", " + more, StringComparison.Ordinal));

    /// <summary>The path of the widgets of a group in the namespace default.</summary>
    public static string Path(string group, string version = "v1") => $"/apis/{group}/{version}/namespaces/default/widgets";

    /// <summary>A widget.</summary>
    public static string Object(string group, string name, string spec, string version = "v1") =>
        Json($$$"""{apiVersion: {{{group}}}/{{{version}}}, kind: Widget, metadata: {name: {{{name}}}}, spec: {{{spec.ReplaceLineEndings(" ")}}}}""");

    /// <summary>YAML as JSON.</summary>
    public static string Json(string yaml) => ((JsonObject)YamlToJson.ReadOne(yaml)!).ToJsonString();
}
