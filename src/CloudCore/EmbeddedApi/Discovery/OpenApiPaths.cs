using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;

namespace EdgeSync.CloudCore.EmbeddedApi.Discovery;

/// <summary>
/// The paths of a document, as far as clients read them: which kind lies where, and which parameters a patch takes.
/// </summary>
internal static class OpenApiPaths
{
    private static readonly (string Method, string Action)[] s_ofCollection = [("get", "list"), ("post", "post")];
    private static readonly (string Method, string Action)[] s_ofObject = [("get", "get"), ("put", "put"), ("patch", "patch"), ("delete", "delete")];
    private static readonly string[] s_ofWrites = ["dryRun", "fieldManager", "fieldValidation"];

    public static JsonObject Write(IEnumerable<ResourceDescriptor> resources, OpenApiVersion version)
    {
        var paths = new JsonObject();
        foreach (var resource in resources)
        {
            var collection = $"/{OpenApiNames.PathOf(resource)}/{(resource.Namespaced ? "namespaces/{namespace}/" : "")}{resource.Plural}";
            paths[collection] = Operations(resource, s_ofCollection, version);
            paths[collection + "/{name}"] = Operations(resource, s_ofObject, version);
        }

        return paths;
    }

    private static JsonObject Operations(ResourceDescriptor resource, (string Method, string Action)[] operations, OpenApiVersion version) =>
        new(operations.Select(o => KeyValuePair.Create<string, JsonNode?>(o.Method, Operation(resource, o.Method, o.Action, version))));

    private static JsonObject Operation(ResourceDescriptor resource, string method, string action, OpenApiVersion version)
    {
        var operation = new JsonObject();
        if (method is "post" or "put" or "patch")
        {
            var parameters = new JsonArray([.. s_ofWrites.Select(n => Parameter(n, "string", version))]);
            if (method == "patch")
            {
                parameters.Add((JsonNode)Parameter("force", "boolean", version));
            }

            operation["parameters"] = parameters;
        }

        operation["responses"] = new JsonObject { ["200"] = new JsonObject { ["description"] = "OK" } };
        operation["x-kubernetes-action"] = action;
        operation["x-kubernetes-group-version-kind"] = new JsonObject
        {
            ["group"] = resource.Group,
            ["kind"] = resource.Kind,
            ["version"] = resource.Version,
        };
        return operation;
    }

    private static JsonObject Parameter(string name, string type, OpenApiVersion version)
    {
        var parameter = new JsonObject { ["in"] = "query", ["name"] = name };
        if (version == OpenApiVersion.V2)
        {
            parameter["type"] = type;
        }
        else
        {
            parameter["schema"] = new JsonObject { ["type"] = type };
        }

        return parameter;
    }
}
