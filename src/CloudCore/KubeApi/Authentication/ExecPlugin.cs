using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.KubeApi.Authentication;

/// <summary>A kubeconfig's <c>exec</c>: a program that gives a credential (client.authentication.k8s.io), read and checked.</summary>
internal sealed record ExecPlugin
{
    private const string Group = "client.authentication.k8s.io/";

    /// <summary><c>client.authentication.k8s.io/v1</c> or <c>v1beta1</c>: the form of question and answer.</summary>
    public required string ApiVersion { get; init; }

    /// <summary>The program's file.</summary>
    public required string Command { get; init; }

    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Variables beside those of this process.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>For the program's KUBERNETES_EXEC_INFO; null where the kubeconfig does not ask for it.</summary>
    public JsonObject? Cluster { get; init; }

    /// <summary>Reads a user's <c>exec</c>. Nothing is run yet, but the program must be there.</summary>
    /// <exception cref="KubeConfigException">What is wrong and how to mend it.</exception>
    public static ExecPlugin Read(KubeConfigNode exec, KubeConfigNode cluster)
    {
        var version = exec.Text("apiVersion") ?? throw new KubeConfigException("apiVersion of exec is not set; it must be client.authentication.k8s.io/v1");
        if (version is not (Group + "v1" or Group + "v1beta1"))
        {
            throw new KubeConfigException($"apiVersion \"{version}\" of exec is not supported; use client.authentication.k8s.io/v1 or v1beta1 (a newer version of the plugin may be needed)");
        }

        CheckInteraction(exec.Text("interactiveMode"), version);
        var name = exec.Text("command") ?? throw new KubeConfigException("command of exec is not set");
        return new ExecPlugin
        {
            ApiVersion = version,
            Command = Find(name, exec) ?? throw new KubeConfigException(
                $"the command \"{name}\" of exec is not there{(exec.Text("installHint") is { } hint ? $": {hint.Trim()}" : "")}"),
            Arguments = exec.Texts("args"),
            Environment = [.. exec.Nodes("env").Select(e => KeyValuePair.Create(
                e.Text("name") ?? throw new KubeConfigException("an entry of env of exec has no name"), e.Text("value") ?? ""))],
            Cluster = exec.Flag("provideClusterInfo") ? ClusterInfo(cluster) : null,
        };
    }

    // nobody sits before a hub
    private static void CheckInteraction(string? mode, string version)
    {
        switch (mode)
        {
            case "Never" or "IfAvailable":
                return;
            case null when version == Group + "v1beta1":
                return;
            case null:
                throw new KubeConfigException("interactiveMode of exec is not set, which client.authentication.k8s.io/v1 demands; use Never");
            case "Always":
                throw new KubeConfigException("exec wants a person at the keyboard (interactiveMode: Always), and a hub has none; use Never or IfAvailable");
            default:
                throw new KubeConfigException($"interactiveMode \"{mode}\" of exec is not Never, IfAvailable or Always");
        }
    }

    /// <summary>A name with a slash counts from the kubeconfig's folder, another is looked for on the path.</summary>
    private static string? Find(string name, KubeConfigNode exec)
    {
        if (name.Contains('/', StringComparison.Ordinal))
        {
            return exec.FilePath("command") is { } file && File.Exists(file) ? file : null;
        }

        return (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists);
    }

    private static JsonObject ClusterInfo(KubeConfigNode cluster)
    {
        var info = new JsonObject { ["server"] = cluster.Text("server") };
        if (cluster.Text("tls-server-name") is { } name)
        {
            info["tls-server-name"] = name;
        }

        if (cluster.Flag("insecure-skip-tls-verify"))
        {
            info["insecure-skip-tls-verify"] = true;
        }

        if (cluster.Data("certificate-authority") is { } authority)
        {
            info["certificate-authority-data"] = Convert.ToBase64String(authority);
        }

        if (cluster.Text("proxy-url") is { } proxy)
        {
            info["proxy-url"] = proxy;
        }

        // a map for the plugin alone
        if (cluster.Extension("client.authentication.k8s.io/exec") is { } config)
        {
            info["config"] = config.DeepClone();
        }

        return info;
    }
}
