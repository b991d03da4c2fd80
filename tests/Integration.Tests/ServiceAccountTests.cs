using EdgeSync.Integration.Tests.World;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests;

/// <summary>A pod on the box uses its service account at the API, and may do what its roles allow.</summary>
public sealed class ServiceAccountTests(ITestOutputHelper output)
{
    private const string Folder = "/var/run/secrets/kubernetes.io/serviceaccount";

    [EndToEndFact]
    public async Task A_pod_reads_its_token_and_is_allowed_what_its_roles_allow()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.Kubectl.ApplyAsync(Manifest(world.Cloud.ApiPort));
        await world.PodIsRunningAsync("caller");

        Assert.Equal("default", await world.Pods.ReadFileAsync("caller", Folder + "/namespace"));
        Assert.Contains("BEGIN CERTIFICATE", await world.Pods.ReadFileAsync("caller", Folder + "/ca.crt"), StringComparison.Ordinal);
        var token = await world.Pods.ReadFileAsync("caller", Folder + "/token");
        Assert.Equal(3, token.Split('.').Length);

        // refused at first, with the account's own name in the answer
        await world.EventuallyAsync("it is refused", async () => (await AnswerAsync(world, "configmaps")).Contains("403 Forbidden", StringComparison.Ordinal));
        await world.Kubectl.ApplyAsync(Role);
        await world.EventuallyAsync("it is allowed", async () => (await AnswerAsync(world, "configmaps")).Contains("\"ConfigMapList\"", StringComparison.Ordinal));
        await world.EventuallyAsync("and nothing else", async () => (await AnswerAsync(world, "secrets")).Contains("403 Forbidden", StringComparison.Ordinal));

        // no log and no status tells the token
        Assert.DoesNotContain(token.Split('.')[2], await File.ReadAllTextAsync(world.Cloud.LogFile), StringComparison.Ordinal);
        Assert.DoesNotContain(token.Split('.')[2], world.Edge.LogTail(), StringComparison.Ordinal);

        // alone, after a reboot, the pod has the token that was stored
        await world.Cloud.KillAsync();
        await world.Edge.KillAsync();
        await world.Runtime.RebootAsync(world.Edge.DataFolder);
        world.Edge.Start();
        await world.EventuallyAsync("the pod runs again", async () => (await world.Pods.RunningAsync("caller")).Count == 1);
        Assert.Equal(token, await world.Pods.ReadFileAsync("caller", Folder + "/token"));

        // and with the account's end the token's end comes
        await world.Cloud.StartAsync();
        await world.NodeIsReadyAsync();
        await world.EventuallyAsync("it is allowed again", async () => (await AnswerAsync(world, "configmaps")).Contains("\"ConfigMapList\"", StringComparison.Ordinal));
        await world.Kubectl.RunAsync("delete", "serviceaccount", "caller");
        await world.EventuallyAsync("the token is worth nothing", async () => (await AnswerAsync(world, "configmaps")).Contains("401 Unauthorized", StringComparison.Ordinal));
    }

    private const string Role = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {name: maps, namespace: default}
        rules: [{apiGroups: [""], resources: [configmaps], verbs: [get, list]}]
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {name: maps, namespace: default}
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: maps}
        subjects: [{kind: ServiceAccount, name: caller, namespace: default}]
        """;

    /// <summary>
    /// The pod asks as an app would, and leaves the answer in a file each second. It does so in the machine's root, where wget finds
    /// openssl: busybox's own TLS does not know the kind of the API's key.
    /// </summary>
    private static string Manifest(int apiPort) => $$$"""
        apiVersion: v1
        kind: ServiceAccount
        metadata: {name: caller, namespace: default}
        ---
        apiVersion: apps/v1
        kind: DaemonSet
        metadata: {name: caller, namespace: default}
        spec:
          selector: {matchLabels: {app: caller}}
          template:
            metadata: {labels: {app: caller}}
            spec:
              serviceAccountName: caller
              hostNetwork: true
              terminationGracePeriodSeconds: 1
              tolerations: [{operator: Exists}]
              containers:
                - name: caller
                  image: {{{TestKit.ContainerdRig.BusyboxImage}}}
                  imagePullPolicy: IfNotPresent
                  command:
                    - sh
                    - -c
                    - |
                      trap 'exit 0' TERM
                      ask() {
                        busybox chroot /host busybox wget -S -O - --no-check-certificate --header "Authorization: Bearer $(cat {{{Folder}}}/token)" \
                          "https://127.0.0.1:{{{apiPort}}}/api/v1/namespaces/default/$1" > /tmp/$1.new 2>&1
                        mv /tmp/$1.new /tmp/$1
                      }
                      while :; do ask configmaps; ask secrets; sleep 1 & wait $!; done
                  volumeMounts: [{name: host, mountPath: /host, readOnly: true}]
              volumes: [{name: host, hostPath: {path: /}}]
        """;

    /// <summary>The newest answer.</summary>
    private static async Task<string> AnswerAsync(EdgeWorld world, string resource)
    {
        var text = "";
        await world.EventuallyAsync($"an answer about {resource}", async () => (text = await world.Pods.ReadFileAsync("caller", "/tmp/" + resource)).Length > 0);
        return text;
    }
}
