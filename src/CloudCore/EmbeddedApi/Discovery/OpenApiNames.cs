using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>How OpenAPI calls the types: Kubernetes' own names, since clients show and look for their last part.</summary>
internal static class OpenApiNames
{
    public const string Meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";
    public const string ObjectMeta = Meta + "ObjectMeta";
    public const string ListMeta = Meta + "ListMeta";

    /// <summary><c>io.k8s.api.core.v1.Pod</c>.</summary>
    public static string Of(TypeSchema type) =>
        $"{(type.Package.Length == 0 ? "io.edgesync" : type.Package)}.{type.Name[(type.Name.LastIndexOf('.') + 1)..]}";

    /// <summary>The kind's own type; that of a custom resource is named after its group, backwards.</summary>
    public static string Of(ResourceDescriptor resource) => resource.Schema is { Package.Length: > 0 } type
        ? Of(type)
        : $"{string.Join('.', resource.Group.Split('.').Reverse())}.{resource.Version}.{resource.Kind}";

    /// <summary><c>api/v1</c> or <c>apis/apps/v1</c>.</summary>
    public static string PathOf(ResourceDescriptor resource) =>
        resource.Group.Length == 0 ? $"api/{resource.Version}" : $"apis/{resource.GroupVersion}";
}
