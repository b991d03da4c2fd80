using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi;
using EdgeSync.CloudCore.KubeApi.Authentication;
using EdgeSync.CloudCore.Tests.Enrollment;
using EdgeSync.CloudCore.Tests.Replicas;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.KubeApi;

/// <summary>Exec plugins that are real programs: shell scripts which count how often they are run.</summary>
public sealed class ExecCredentialsTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ManualTime _clock = new();
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));

    private CancellationToken Ct => _deadline.Token;

    private int Runs => File.Exists(_folder.File("runs")) ? File.ReadAllLines(_folder.File("runs")).Length : 0;

    public void Dispose()
    {
        _deadline.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_credential_is_kept_until_it_expires()
    {
        using var credentials = Plugin(Answer(""" "token":"t'$n'","expirationTimestamp":"'$EXPIRES'" """), ("EXPIRES", After(minutes: 10)));
        Assert.Equal("t1", (await credentials.GetAsync(Ct)).Token);
        Assert.Equal("t1", (await credentials.GetAsync(Ct)).Token);
        _clock.Advance(TimeSpan.FromMinutes(11));
        Assert.Equal("t2", (await credentials.GetAsync(Ct)).Token);
        Assert.Equal(2, Runs);
    }

    [Fact]
    public async Task Requests_at_once_wait_for_one_run()
    {
        using var credentials = Plugin(Answer(""" "token":"t'$n'" """));
        var given = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => credentials.GetAsync(Ct).AsTask()));
        Assert.All(given, c => Assert.Equal("t1", c.Token));
        Assert.Equal(1, Runs);
    }

    [Fact]
    public async Task A_refused_credential_is_asked_for_again_but_not_at_once()
    {
        using var credentials = Plugin(Answer(""" "token":"t'$n'" """));
        var first = await credentials.GetAsync(Ct);
        Assert.False(credentials.IsRefused(first)); // as fresh as it can be
        _clock.Advance(TimeSpan.FromSeconds(6));
        Assert.True(credentials.IsRefused(first));
        Assert.Equal("t2", (await credentials.GetAsync(Ct)).Token);
    }

    [Fact]
    public async Task The_plugin_is_told_what_it_is_asked_without_a_shell()
    {
        using var credentials = Plugin(
            """printf '%s' "$KUBERNETES_EXEC_INFO" > info; printf '%s|' "$@" > args; printf '%s' "$REGION" > region; """ + Answer(""" "token":"t" """),
            ("REGION", "a b; touch broken"));
        await credentials.GetAsync(Ct);
        var info = JsonNode.Parse(File.ReadAllText(_folder.File("info")))!;
        Assert.Equal("client.authentication.k8s.io/v1", info["apiVersion"]!.ToString());
        Assert.False(info["spec"]!["interactive"]!.GetValue<bool>());
        Assert.Equal("https://cluster:6443", info["spec"]!["cluster"]!["server"]!.ToString());
        Assert.Equal("get|$(touch broken)|", File.ReadAllText(_folder.File("args")));
        Assert.Equal("a b; touch broken", File.ReadAllText(_folder.File("region")));
        Assert.False(File.Exists(_folder.File("broken")));
    }

    [Theory]
    [InlineData("echo 'no session: sign in first' >&2; exit 3", "ended with exit code 3: no session: sign in first")]
    [InlineData("echo hello", "is not JSON")]
    [InlineData("""echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"hidden"}}'""", "not an ExecCredential of client.authentication.k8s.io/v1")]
    [InlineData("""echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{}}'""", "neither a token nor a client certificate")]
    [InlineData("head -c 2000000 /dev/zero", "larger than 1048576 bytes")]
    public async Task A_plugin_that_gives_nothing_is_an_error_in_words(string script, string words)
    {
        using var credentials = Plugin(script);
        var failure = await Assert.ThrowsAsync<ApiException>(async () => await credentials.GetAsync(Ct));
        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plugin_that_failed_is_left_alone_for_a_while()
    {
        using var credentials = Plugin("exit 1");
        await Assert.ThrowsAsync<ApiException>(async () => await credentials.GetAsync(Ct));
        await Assert.ThrowsAsync<ApiException>(async () => await credentials.GetAsync(Ct));
        Assert.Equal(1, Runs);
        _clock.Advance(TimeSpan.FromSeconds(31));
        await Assert.ThrowsAsync<ApiException>(async () => await credentials.GetAsync(Ct));
        Assert.Equal(2, Runs);
    }

    [Fact]
    public async Task A_plugin_that_hangs_is_ended_with_what_it_started()
    {
        var world = new SimulatedWorld();
        using var credentials = Plugin("sleep 600 & echo $! > child.new; mv child.new child; wait", world.NewClock(), TimeSpan.FromSeconds(9));
        var asking = credentials.GetAsync(Ct).AsTask();
        await Eventually.HoldsAsync("it hangs", () => File.Exists(_folder.File("child")));
        Assert.False(asking.IsCompleted);
        world.Run(TimeSpan.FromSeconds(10));
        var failure = await Assert.ThrowsAsync<ApiException>(() => asking);
        Assert.Contains("no answer within 9 s", failure.Message, StringComparison.Ordinal);
        var child = File.ReadAllText(_folder.File("child")).Trim();
        await Eventually.HoldsAsync("its child has ended", () => !Directory.Exists($"/proc/{child}"), TimeSpan.FromSeconds(10));
    }

    [Theory]
    [InlineData("{apiVersion: client.authentication.k8s.io/v1alpha1, command: sh}", "v1alpha1")]
    [InlineData("{apiVersion: client.authentication.k8s.io/v1, command: sh}", "interactiveMode")]
    [InlineData("{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always, command: sh}", "keyboard")]
    [InlineData("{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: no-such-plugin, installHint: get it from the cloud}", "get it from the cloud")]
    [InlineData("{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never}", "command of exec is not set")]
    public void A_kubeconfig_whose_plugin_cannot_work_is_refused_when_it_is_read(string exec, string words)
    {
        var path = _folder.File("kubeconfig");
        File.WriteAllText(path, $$"""
            clusters: [{name: c, cluster: {server: "https://c"} }]
            users: [{name: u, user: {exec: {{exec}} } }]
            contexts: [{name: x, context: {cluster: c, user: u} }]
            current-context: x
            """);
        Assert.Contains(words, Assert.Throws<KubeConfigException>(() => KubeConfig.Load(path)).Message, StringComparison.Ordinal);
    }

    private static string Answer(string status) =>
        $$"""echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{ {{status}} } }'""";

    private string After(int minutes) =>
        _clock.GetUtcNow().AddMinutes(minutes).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private ExecCredentials Plugin(string script, params (string Name, string Value)[] variables) => Plugin(script, _clock, null, variables);

    private ExecCredentials Plugin(string script, TimeProvider time, TimeSpan? limit, params (string Name, string Value)[] variables)
    {
        var file = _folder.File("plugin");
        File.WriteAllText(file, $"#!/bin/sh\ncd {_folder.Path}\necho run >> runs\nn=$(wc -l < runs)\n{script}\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return new ExecCredentials(
            new ExecPlugin
            {
                ApiVersion = "client.authentication.k8s.io/v1",
                Command = file,
                Arguments = ["get", "$(touch broken)"],
                Environment = [.. variables.Select(v => KeyValuePair.Create(v.Name, v.Value))],
                Cluster = new JsonObject { ["server"] = "https://cluster:6443" },
            },
            time,
            limit);
    }
}
