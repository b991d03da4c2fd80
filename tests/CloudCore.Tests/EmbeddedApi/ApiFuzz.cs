using System.Text;
using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>One request made from a seed, in a form that a failed test can print.</summary>
internal sealed record FuzzRequest(string Method, string PathAndQuery, IReadOnlyList<(string Name, string Value)> Headers, byte[]? Body)
{
    public override string ToString() =>
        $"{Method} {PathAndQuery}\n{string.Join('\n', Headers.Select(h => $"{h.Name}: {h.Value}"))}\n{(Body is null ? "" : Short(Encoding.Latin1.GetString(Body)))}";

    private static string Short(string text) => text.Length <= 2000 ? text : $"{text[..2000]}… ({text.Length} bytes)";
}

/// <summary>Requests that are nearly right, and some that are not at all: all of it from one <see cref="Random"/>.</summary>
internal sealed class ApiFuzz(Random random, IReadOnlyList<string> collections)
{
    private static readonly string[] s_methods = ["GET", "GET", "POST", "POST", "POST", "POST", "PUT", "PUT", "PATCH", "PATCH", "PATCH", "DELETE", "HEAD", "OPTIONS", "FROB"];
    private static readonly string[] s_goodNames = ["a", "b", "c"];
    private static readonly string[] s_names = ["Not_A_Name", "..", "%00", "%ff", "é", "a%2Fb", new('x', 300)];
    private static readonly string[] s_subresources = ["status", "scale", "binding", "eviction", "log", "exec", "token", "approval", "finalize", "ephemeralcontainers", "frog"];

    private static readonly string[] s_bodyTypes =
    [
        "application/json", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "", ";", "application/json; charset=utf-16",
        "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml",
    ];

    private static readonly string[] s_patchTypes =
        ["application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"];

    private static readonly string[] s_accepts =
    [
        "application/json", "application/json", "application/json;as=Table;v=v1;g=meta.k8s.io", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", "application/yaml", "application/vnd.kubernetes.protobuf", "*/*", ";;;", "application/json;as=;g=;v=",
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
    ];

    private static readonly string[] s_queries =
    [
        "labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "resourceVersionMatch", "watch", "timeoutSeconds", "allowWatchBookmarks", "sendInitialEvents",
        "dryRun", "fieldManager", "force", "fieldValidation", "propagationPolicy", "gracePeriodSeconds", "orphanDependents", "includeObject", "pretty", "frog",
    ];

    private static readonly string[] s_values =
    [
        "", "1", "0", "-1", "true", "false", "maybe", "99999999999999999999999", "a=b", "a in (b,c)", "a!=b,c", "!a", "a in (", ",,,", "=", "metadata.name=a", "spec.nodeName!=x",
        "djEKMQpuCmE=", "djEKLTEKCg==", "All", "Strict", "Exact", "NotOlderThan", "Foreground", "Orphan", "\u0000", "\uFFFD", "(((((", "a>1,b<x", new('z', 5000),
    ];

    private static readonly string[] s_bases =
    [
        """{"metadata":{"name":"a","labels":{"x":"y"}},"data":{"k":"v"},"binaryData":{"b":"AAEC"}}""",
        """{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":80}],"env":[{"name":"A","value":"b"}],"resources":{"limits":{"cpu":"1","memory":"1Gi"}},"livenessProbe":{"httpGet":{"port":"http"}}}],"volumes":[{"name":"v","emptyDir":{"sizeLimit":"1Mi"}}],"tolerations":[{"operator":"Exists"}]},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"c","state":{"running":{"startedAt":"2020-01-01T00:00:00Z"}}}]}}""",
        """{"metadata":{"generateName":"g-","finalizers":["a.b/c"],"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u"}]},"spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}},"schedule":"* * * * *","holderIdentity":"h","leaseDurationSeconds":5,"renewTime":"2020-01-01T00:00:00.000000Z","ports":[{"port":80,"targetPort":"x"}],"minAvailable":"50%"}}""",
        """{"metadata":{"name":"a"},"rules":[{"verbs":["*"],"apiGroups":[""],"resources":["pods"]}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"},"subjects":[{"kind":"User","name":"u"}],"involvedObject":{"kind":"Pod","name":"p"},"spec":{"taints":[{"key":"a","effect":"NoSchedule"}],"request":"AAEC","signerName":"a/b","usages":["client auth"]},"target":{"kind":"Node","name":"n"}}""",
        """{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"frogs.pond.io"},"spec":{"group":"pond.io","names":{"plural":"frogs","kind":"Frog"},"scope":"Namespaced","versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"x":{"type":"integer","minimum":1}}}}}}}]}}""",
        """[{"op":"add","path":"/metadata/labels/x","value":"y"},{"op":"test","path":"/data/k","value":"v"},{"op":"remove","path":"/spec/containers/0"},{"op":"move","from":"/data","path":"/data2"},{"op":"copy","from":"/metadata","path":"/spec"}]""",
        """{"metadata":{"name":"a","$patch":"replace","finalizers":["x/y"],"$deleteFromPrimitiveList/finalizers":["x/y"],"$setElementOrder/ownerReferences":[{"uid":"u"}]},"spec":{"$retainKeys":["containers"],"containers":[{"$patch":"delete","name":"c"}],"$setElementOrder/containers":[{"name":"c"}]}}""",
        """{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"u","resourceVersion":"5"},"gracePeriodSeconds":5,"propagationPolicy":"Foreground"}""",
    ];

    private static readonly string[] s_scalars =
    [
        "null", "true", "0", "-1", "1e400", "-1e400", "1E-400", "99999999999999999999999999999999", "9223372036854775808", "0.1", "\"\"", "\"x\"", "\"\\u0000\"", "\"\\ud800\"", "\"1Gi\"",
        "\"2020-13-45T99:99:99Z\"", "\"2020-01-01T00:00:00Z\"", "[]", "{}", "[[]]", "[null]", "{\"\":{}}", "{\"a\":null}", "\"%!s(*int=nil)\"", "\"1e999\"", "\"9223372036854775808\"", "\"99999999999E\"",
    ];

    /// <summary>Objects to begin with: what each kind takes of the bases.</summary>
    public IEnumerable<FuzzRequest> First() =>
        from collection in collections
        from text in s_bases.Take(5)
        let body = text.Replace("\"apiVersion\":\"v1\",\"kind\":\"Pod\",", "", StringComparison.Ordinal).Replace("\"generateName\":\"g-\"", "\"name\":\"b\"", StringComparison.Ordinal)
        select new FuzzRequest("POST", collection, [("Content-Type", "application/json")], Encoding.UTF8.GetBytes(body));

    public FuzzRequest Next()
    {
        var method = Pick(s_methods);
        var headers = new List<(string, string)>();
        if (random.Next(3) == 0)
        {
            headers.Add(("Accept", Pick(s_accepts)));
        }

        if (random.Next(4) == 0)
        {
            headers.Add(("Accept-Encoding", Pick(["gzip", "gzip;q=0", "br", ";,;", "*"])));
        }

        byte[]? body = null;
        if (method is "POST" or "PUT" or "PATCH" || (method == "DELETE" && random.Next(2) == 0))
        {
            var type = random.Next(6) == 0 ? Pick(s_bodyTypes) : method == "PATCH" ? Pick(s_patchTypes) : "application/json";
            headers.Add(("Content-Type", type));
            body = Body(type);
        }

        return new FuzzRequest(method, Path(method) + Query(), headers, body);
    }

    private string Path(string method)
    {
        var path = Pick(collections);
        if (method == "POST" ? random.Next(8) == 0 : method is "PUT" or "PATCH" || random.Next(3) > 0)
        {
            path += "/" + Pick(random.Next(8) > 0 ? s_goodNames : s_names);
            if (random.Next(4) == 0)
            {
                path += "/" + Pick(s_subresources);
            }
        }

        return random.Next(30) switch
        {
            0 => path + "/" + Pick(s_names) + (random.Next(2) == 0 ? "/" + Pick(s_subresources) : ""),
            1 => path.Replace("/default/", $"/{Pick(s_names)}/", StringComparison.Ordinal),
            2 => path[..random.Next(1, path.Length)],
            3 => path.Replace("v1", Pick(["v2", "", "watch", "v1/watch"]), StringComparison.Ordinal),
            _ => path,
        };
    }

    private string Query()
    {
        var parts = Enumerable.Range(0, Math.Max(0, random.Next(6) - 2)).Select(_ => $"{Pick(s_queries)}={Uri.EscapeDataString(Pick(s_values))}").ToList();
        return parts.Count == 0 ? "" : "?" + string.Join('&', parts);
    }

    private byte[] Body(string type)
    {
        if (random.Next(25) == 0)
        {
            return Nested();
        }

        // most kinds take most of these, where they do not say that they are of another
        var text = Pick(s_bases);
        if (random.Next(5) > 0)
        {
            text = text.Replace("\"apiVersion\":\"v1\",\"kind\":\"Pod\",", "", StringComparison.Ordinal);
        }

        if (random.Next(2) > 0)
        {
            text = Mutate(text);
        }

        var bytes = Encoding.UTF8.GetBytes(text);
        if (type.Contains("protobuf", StringComparison.Ordinal))
        {
            random.NextBytes(bytes);
            "k8s\0"u8.CopyTo(bytes);
        }

        for (var flips = random.Next(8) == 0 ? random.Next(1, 4) : 0; flips > 0; flips--)
        {
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        }

        return random.Next(15) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }

    private byte[] Nested()
    {
        var depth = random.Next(50, 20_000);
        return Encoding.UTF8.GetBytes(random.Next(3) switch
        {
            0 => $$$"""{"metadata":{"name":"a"},"data":{{{new string('[', depth)}}}""",
            1 => string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth),
            _ => string.Concat(Enumerable.Range(0, Math.Min(depth, 400)).Select(i => $"{new string(' ', i)}a:\n")),
        });
    }

    /// <summary>Puts values of other kinds where the object has some.</summary>
    private string Mutate(string text)
    {
        var values = new List<int>();
        for (var i = 0; i < text.Length - 1; i++)
        {
            if (text[i] is ':' && text[i + 1] is '"' or '{' or '[' or (>= '0' and <= '9'))
            {
                values.Add(i + 1);
            }
        }

        for (var n = random.Next(1, 4); n > 0 && values.Count > 0; n--)
        {
            var at = values[random.Next(values.Count)];
            var end = EndOfValue(text, at);
            if (end > at)
            {
                text = text[..at] + Pick(s_scalars) + text[end..];
                values.RemoveAll(v => v >= at);
            }
        }

        return text;
    }

    private static int EndOfValue(string text, int at)
    {
        var depth = 0;
        var quoted = false;
        for (var i = at; i < text.Length; i++)
        {
            var c = text[i];
            quoted ^= c == '"';
            if (quoted)
            {
                continue;
            }

            depth += c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
            if (depth < 0 || (depth == 0 && c == ','))
            {
                return i;
            }

            if (depth == 0 && c is '"' or '}' or ']')
            {
                return i + 1;
            }
        }

        return at;
    }

    private string Pick(IReadOnlyList<string> of) => of[random.Next(of.Count)];

    /// <summary>The path of every collection that the server has, from its discovery.</summary>
    public static async Task<List<string>> CollectionsAsync(ApiClient api)
    {
        var found = new List<string>();
        var groups = (JsonArray)(await api.GetAsync("/apis")).Body["groups"]!;
        foreach (var version in groups.SelectMany(g => (JsonArray)g!["versions"]!).Select(v => "/apis/" + (string)v!["groupVersion"]!).Prepend("/api/v1"))
        {
            foreach (var resource in (JsonArray)(await api.GetAsync(version)).Body["resources"]!)
            {
                var name = (string)resource!["name"]!;
                if (!name.Contains('/', StringComparison.Ordinal))
                {
                    found.Add((bool)resource["namespaced"]! ? $"{version}/namespaces/default/{name}" : $"{version}/{name}");
                }
            }
        }

        return found;
    }
}
