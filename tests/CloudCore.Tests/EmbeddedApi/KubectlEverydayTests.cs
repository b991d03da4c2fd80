using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>What people look at and change with kubectl from day to day, by the one on the path and by that of Kubernetes 1.20.</summary>
public class KubectlEverydayTests
{
    private const string Settings = """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings, namespace: default}
        data: {level: info}
        """;

    [KubectlFact]
    public Task The_kubectl_on_the_path_edits_compares_watches_and_explains() => WorksAsync(Kubectl.OnPath!, isOld: false);

    [KubectlFact(old: true)]
    public Task An_old_kubectl_edits_compares_watches_and_explains() => WorksAsync(Kubectl.Old!, isOld: true);

    private static async Task WorksAsync(string binary, bool isOld)
    {
        await using var host = await ApiHost.StartAsync();
        using var home = new TempFolder();
        var kubectl = new Kubectl(binary, host.WriteKubeconfig(home.Path), home);
        await ChangeAsync(kubectl, home);
        await LookAsync(kubectl);
        await WatchAsync(kubectl);
        await OrphanAsync(kubectl);
        await RightsAsync(kubectl, isOld);
    }

    private static async Task ChangeAsync(Kubectl kubectl, TempFolder home)
    {
        await kubectl.RunWithInputAsync(Settings, "apply", "-f", "-");
        var (same, _) = await kubectl.TryAsync(Settings, "diff", "-f", "-");
        Assert.Equal(0, same);
        var (differs, difference) = await kubectl.TryAsync(Settings.Replace("info", "debug", StringComparison.Ordinal), "diff", "-f", "-");
        Assert.Equal(1, differs);
        Has("+  level: debug", difference);

        var editor = home.File("editor");
        await File.WriteAllTextAsync(editor, "#!/bin/sh\nsed -i 's/level: info/level: warn/' \"$1\"\n");
        File.SetUnixFileMode(editor, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Has("edited", await kubectl.RunWithEditorAsync(editor, "edit", "configmap", "settings"));
        Assert.Equal("warn", await LevelAsync(kubectl));
        Has("no changes made", await kubectl.RunWithEditorAsync("/bin/true", "edit", "configmap", "settings"));

        await kubectl.RunAsync("patch", "configmap", "settings", "--type=merge", "-p", """{"data":{"level":"1"}}""");
        Assert.Equal("1", await LevelAsync(kubectl));
        await kubectl.RunAsync("patch", "configmap", "settings", "--type=json", "-p", """[{"op":"replace","path":"/data/level","value":"2"}]""");
        Assert.Equal("2", await LevelAsync(kubectl));
        await kubectl.RunAsync("patch", "configmap", "settings", "-p", """{"data":{"level":"3"}}""");
        Assert.Equal("3", await LevelAsync(kubectl));
    }

    private static Task<string> LevelAsync(Kubectl kubectl) => kubectl.RunAsync("get", "configmap", "settings", "-o", "jsonpath={.data.level}");

    private static async Task LookAsync(Kubectl kubectl)
    {
        Has("level: \"3\"", await kubectl.RunAsync("get", "configmap", "settings", "-o", "yaml"));
        Has("settings   3", await kubectl.RunAsync("get", "configmap", "settings", "-o", "custom-columns=NAME:.metadata.name,LEVEL:.data.level"));
        Has("hard", await kubectl.RunAsync("explain", "resourcequota.spec"));
        Has("rollingUpdate", await kubectl.RunAsync("explain", "daemonsets.spec.updateStrategy"));
        Has("DeviceModel", await kubectl.RunAsync("api-resources", "--api-group=devices.kubeedge.io"));
        Has("apps/v1", await kubectl.RunAsync("api-versions"));
        Has("deleted (server dry run)", (await kubectl.TryAsync(null, "delete", "configmap", "settings", "--dry-run=server")).Output.Replace("\"", "", StringComparison.Ordinal));
    }

    private static async Task WatchAsync(Kubectl kubectl)
    {
        using var watch = kubectl.Start("get", "configmap", "--watch-only", "-o", "jsonpath={.metadata.name}={.data.level};");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var seen = new System.Text.StringBuilder();
        var buffer = new char[256];
        var changes = 0;

        // the watch begins at some time: changes are made until one has been seen
        var reading = watch.StandardOutput.ReadAsync(buffer.AsMemory(), deadline.Token).AsTask();
        while (!reading.IsCompleted)
        {
            await kubectl.RunAsync("patch", "configmap", "settings", "-p", $$$"""{"data":{"level":"w{{{++changes}}}"} }""");
        }

        seen.Append(buffer, 0, await reading);
        watch.Kill();
        await watch.WaitForExitAsync(deadline.Token);
        Assert.StartsWith("settings=w", seen.ToString(), StringComparison.Ordinal);
    }

    /// <summary>Dependents that nobody deletes lose their owner.</summary>
    private static async Task OrphanAsync(Kubectl kubectl)
    {
        var uid = await kubectl.RunAsync("get", "configmap", "settings", "-o", "jsonpath={.metadata.uid}");
        await kubectl.RunWithInputAsync(
            $$"""
            apiVersion: v1
            kind: ConfigMap
            metadata:
              name: dependent
              namespace: default
              ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: settings, uid: {{uid}} }]
            """,
            "create", "-f", "-");
        await kubectl.RunAsync("delete", "configmap", "settings", "--cascade=orphan", "--wait=false");
        Has("orphan", await kubectl.RunAsync("get", "configmap", "settings", "-o", "jsonpath={.metadata.finalizers}"));
    }

    private static async Task RightsAsync(Kubectl kubectl, bool isOld)
    {
        Has("yes", await kubectl.RunAsync("auth", "can-i", "create", "pods"));
        var (code, answer) = await kubectl.TryAsync(null, "auth", "can-i", "create", "pods", "--as=jane");
        Assert.Equal((1, true), (code, answer.Contains("no", StringComparison.Ordinal)));
        Has("*.*", await kubectl.RunAsync("auth", "can-i", "--list"));
        if (!isOld)
        {
            await kubectl.RunAsync("create", "serviceaccount", "bot");
            Assert.Equal(3, (await kubectl.RunAsync("create", "token", "bot")).Trim().Split('.').Length);
            Has("system:masters", await kubectl.RunAsync("auth", "whoami"));
        }
    }

    private static void Has(string part, string output) => Assert.Contains(part, output, StringComparison.Ordinal);
}
