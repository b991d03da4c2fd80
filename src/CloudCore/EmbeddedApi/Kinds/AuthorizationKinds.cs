using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Kinds;

/// <summary>The resources of authorization.k8s.io/v1: questions that are answered and not kept.</summary>
internal static class AuthorizationKinds
{
    public static ResourceDescriptor[] All(SchemaText schema) =>
    [
        Review("localsubjectaccessreviews", "LocalSubjectAccessReview", schema) with { Namespaced = true },
        Review("selfsubjectaccessreviews", "SelfSubjectAccessReview", schema),
        Review("selfsubjectrulesreviews", "SelfSubjectRulesReview", schema),
        Review("subjectaccessreviews", "SubjectAccessReview", schema),
    ];

    private static ResourceDescriptor Review(string plural, string kind, SchemaText schema) => new()
    {
        Group = "authorization.k8s.io",
        Version = "v1",
        Plural = plural,
        Singular = kind.ToLowerInvariant(),
        Kind = kind,
        Namespaced = false,
        Verbs = ["create"],
        Schema = schema.Type(kind),
    };
}
