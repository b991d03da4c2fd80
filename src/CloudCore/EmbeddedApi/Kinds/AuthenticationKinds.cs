using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of authentication.k8s.io/v1: questions that are answered and not kept.</summary>
internal static class AuthenticationKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        Review("tokenreviews", "TokenReview", schema),
        Review("selfsubjectreviews", "SelfSubjectReview", schema),
    ];

    private static ResourceDescriptor Review(string plural, string kind, SchemaText schema) => new()
    {
        Group = "authentication.k8s.io",
        Version = "v1",
        Plural = plural,
        Singular = kind.ToLowerInvariant(),
        Kind = kind,
        Namespaced = false,
        Verbs = ["create"],
        Schema = schema.Type(kind),
    };
}
