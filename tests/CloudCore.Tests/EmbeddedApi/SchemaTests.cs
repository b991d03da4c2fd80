using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>The types of the built-in kinds.</summary>
public sealed class SchemaTests
{
    private static readonly SchemaText s_schema = SchemaText.LoadEmbedded();

    [Theory]
    [InlineData("Service", "spec", 2)]
    [InlineData("PersistentVolumeClaim", "status", 3)]
    [InlineData("Deployment", "spec", 2)]
    [InlineData("StatefulSet", "status", 3)]
    [InlineData("CronJob", "spec", 2)]
    [InlineData("Scale", "spec", 2)]
    [InlineData("HorizontalPodAutoscaler", "spec", 2)]
    [InlineData("PodDisruptionBudget", "spec", 2)]
    [InlineData("Eviction", "deleteOptions", 2)]
    [InlineData("EndpointSlice", "ports", 3)]
    [InlineData("RuntimeClass", "handler", 2)]
    [InlineData("PriorityClass", "value", 2)]
    [InlineData("ClusterRole", "rules", 2)]
    [InlineData("TokenRequest", "status", 3)]
    [InlineData("TokenReview", "spec", 2)]
    [InlineData("SelfSubjectReview", "status", 2)]
    [InlineData("SubjectAccessReview", "spec", 2)]
    [InlineData("CertificateSigningRequest", "spec", 2)]
    [InlineData("CustomResourceDefinition", "spec", 2)]
    [InlineData("Ingress", "spec", 2)]
    [InlineData("CSINode", "spec", 2)]
    [InlineData("NodeMetrics", "usage", 4)]
    [InlineData("Status", "code", 6)]
    public void Each_kind_has_its_fields_by_their_numbers(string kind, string field, int number) =>
        Assert.Equal(field, s_schema.Type(kind).Field(number)?.Name);

    [Fact]
    public void A_list_of_the_kind_map_has_keys_that_its_members_have()
    {
        var lists = s_schema.Types.SelectMany(t => t.Fields.Values.Select(f => (Type: t, Field: f)))
            .Where(f => f.Field.ListType == ListType.Map).ToList();
        Assert.True(lists.Count > 40, $"only {lists.Count}");
        foreach (var (type, field) in lists)
        {
            Assert.NotEmpty(field.Keys);
            Assert.All(field.Keys, key => Assert.NotNull(field.Shape.Element!.Type!.Field(key)));
        }
    }

    [Fact]
    public void Merge_keys_are_fields_of_the_members() =>
        Assert.All(
            s_schema.Types.SelectMany(t => t.Fields.Values).Where(f => f.MergeKey is not null),
            field => Assert.NotNull(field.Shape.Element!.Type!.Field(field.MergeKey!)));

    [Fact]
    public void A_json_schema_contains_itself()
    {
        var schema = s_schema.Type("JSONSchemaProps");
        Assert.Same(schema, schema.Field("properties")!.Shape.Element!.Type);
        Assert.Equal(FieldKind.ObjectOrList, schema.Field("items")!.Shape.Kind);
    }
}
