using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.CloudCore.Tests.Enrollment;
using EdgeSync.EdgeCore.Commands.Join;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Commands;

public sealed class JoinCommandTests : IDisposable
{
    private readonly JoinBox _box = new();

    public void Dispose() => _box.Dispose();

    [Fact]
    public async Task Join_makes_the_box_a_member()
    {
        await using var host = await EnrollmentHost.StartAsync();

        var result = await EdgeCommand.RunAsync([.. _box.Arguments(host), "--labels", "site=north,example.com/rack=7",
            "--taint", "dedicated=till:NoSchedule", "--taint", "example.com/edge:NoExecute,example.com/edge:PreferNoSchedule"]);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Contains($"edgecore run --data-dir {_box.Files.DataDir}", result.Output, StringComparison.Ordinal);
        var config = EdgeCoreConfigFile.Load(_box.Files).Config!;
        Assert.Equal("edge-1", config.Modules.Edged.HostnameOverride);
        Assert.Equal("7", config.Modules.Edged.NodeLabels["example.com/rack"]);
        Assert.Equal(
            ["dedicated=till:NoSchedule", "example.com/edge:NoExecute", "example.com/edge:PreferNoSchedule"],
            config.Modules.Edged.TailoredKubeletConfig.RegisterWithTaints.Select(taint => taint.ToString()));
        Assert.Equal(_box.Endpoint, config.Modules.Edged.TailoredKubeletConfig.ContainerRuntimeEndpoint);
        Assert.Equal(JoinBox.HubOf(host), config.Modules.EdgeHub.Websocket.Server);
        Assert.Equal("https://" + JoinBox.HubOf(host), config.Modules.EdgeHub.HttpServer);
        Assert.Null(Membership.CertificateProblem(config, DateTimeOffset.UtcNow));

        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(owner, File.GetUnixFileMode(_box.Files.Key));
        Assert.Equal(owner | UnixFileMode.UserExecute, File.GetUnixFileMode(_box.Files.Pki));
        Assert.Equal(owner | UnixFileMode.GroupRead | UnixFileMode.OtherRead, File.GetUnixFileMode(_box.Files.Config));

        using var certificate = X509Certificate2.CreateFromPemFile(_box.Files.Certificate, _box.Files.Key);
        using var client = host.Client(certificate);
        Assert.True((await client.GetAsync(new Uri("ca.crt", UriKind.Relative))).IsSuccessStatusCode);
    }

    [Fact]
    public async Task The_token_stands_in_no_file_and_no_output()
    {
        await using var host = await EnrollmentHost.StartAsync();
        var token = JoinBox.TokenOf(host);

        var result = await _box.JoinAsync(host, token);

        Assert.Equal(0, result.ExitCode);
        Assert.DoesNotContain(token[65..], result.Output + result.Error, StringComparison.Ordinal);
        foreach (var file in Directory.EnumerateFiles(_box.Files.DataDir, "*", SearchOption.AllDirectories))
        {
            Assert.DoesNotContain(token[65..], await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("file")]
    [InlineData("input")]
    [InlineData("environment")]
    public async Task The_token_may_come_hidden(string how)
    {
        await using var host = await EnrollmentHost.StartAsync();
        var token = JoinBox.TokenOf(host) + "\n";
        await File.WriteAllTextAsync(_box.File("token"), token);
        using var input = new StringReader(token);
        var (parts, option) = how switch
        {
            "file" => (EdgeCommand.Parts, new[] { "--token-file", _box.File("token") }),
            "input" => (EdgeCommand.Parts with { Input = input }, ["--token=-"]),
            _ => (EdgeCommand.Parts with { Environment = name => name == "EDGESYNC_TOKEN" ? token : null }, []),
        };

        var result = await EdgeCommand.RunAsync(parts, [.. _box.Arguments(host, token: ""), .. option]);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
    }

    [Fact]
    public async Task No_token_is_an_error_of_usage_that_says_where_to_get_one()
    {
        await using var host = await EnrollmentHost.StartAsync();

        var result = await EdgeCommand.RunAsync(_box.Arguments(host, token: ""));

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("cloudcore gettoken", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_checks_all_and_changes_nothing()
    {
        await using var host = await EnrollmentHost.StartAsync();

        var result = await EdgeCommand.RunAsync([.. _box.Arguments(host), "--dry-run"]);

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("dry run", result.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_box.Files.DataDir));
        Assert.DoesNotContain(host.Requests, r => r.Contains("edge.crt", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Join_again_says_that_it_is_joined_and_needs_neither_token_nor_hub()
    {
        string[] again;
        await using (var host = await EnrollmentHost.StartAsync())
        {
            Assert.Equal(0, (await _box.JoinAsync(host)).ExitCode);
            again = _box.Arguments(host, token: "");
        }

        var key = await File.ReadAllTextAsync(_box.Files.Key);

        var result = await EdgeCommand.RunAsync(again);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Contains("already node edge-1", result.Output, StringComparison.Ordinal);
        Assert.Equal(key, await File.ReadAllTextAsync(_box.Files.Key));
    }

    [Fact]
    public async Task Join_under_another_name_says_to_whom_the_box_belongs()
    {
        await using var host = await EnrollmentHost.StartAsync();
        await _box.JoinAsync(host);

        var result = await EdgeCommand.RunAsync(_box.Arguments(host, node: "edge-2"));

        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"as node edge-1 of hub {JoinBox.HubOf(host)}", result.Output, StringComparison.Ordinal);
        Assert.Contains($"edgecore reset --data-dir {_box.Files.DataDir}", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Join_again_with_a_lost_certificate_fetches_a_new_one_and_keeps_the_configuration()
    {
        await using var host = await EnrollmentHost.StartAsync();
        await _box.JoinAsync(host);
        File.Delete(_box.Files.Certificate);
        await File.AppendAllTextAsync(_box.Files.Config, "# mine\n");

        var result = await _box.JoinAsync(host);

        Assert.Equal(0, result.ExitCode);
        Assert.Null(Membership.CertificateProblem(EdgeCoreConfigFile.Load(_box.Files).Config!, DateTimeOffset.UtcNow));
        Assert.EndsWith("# mine\n", await File.ReadAllTextAsync(_box.Files.Config), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_problem_is_shown_at_once_each_with_its_remedy()
    {
        await using var host = await EnrollmentHost.StartAsync();
        var nowhere = string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{FreePort.Next()}");

        var result = await EdgeCommand.RunAsync([.. _box.Arguments(host, token: "x.y", hub: nowhere, runtime: "unix:///nonexistent/runtime.sock"), "--certport", nowhere.Split(':')[1]]);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("FAIL  runtime      /nonexistent/runtime.sock is not there", result.Output, StringComparison.Ordinal);
        Assert.Contains("warn  mqtt broker", result.Output, StringComparison.Ordinal);
        Assert.Contains("FAIL  token        the token is malformed: it has 2 parts", result.Output, StringComparison.Ordinal);
        Assert.Contains($"FAIL  hub          {nowhere} cannot be reached: Connection refused", result.Output, StringComparison.Ordinal);
        Assert.Contains("3 checks failed; nothing was changed", result.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_box.Files.DataDir));
    }

    [Fact]
    public async Task An_expired_token_is_named_with_its_time_before_the_hub_is_asked_for_a_certificate()
    {
        await using var host = await EnrollmentHost.StartAsync();

        var result = await _box.JoinAsync(host, host.Authority.NewToken(TimeSpan.FromMinutes(-1)).Reveal());

        Assert.Equal(1, result.ExitCode);
        Assert.Matches(@"FAIL  token        the token expired at \d{4}-.*Z; it is \d{4}-.*Z now", result.Output);
        Assert.Contains("cloudcore gettoken", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(host.Requests, r => r.Contains("edge.crt", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_forged_token_is_refused_by_the_hub_and_nothing_is_left()
    {
        await using var host = await EnrollmentHost.StartAsync();
        var token = JoinBox.TokenOf(host);
        var dot = token.LastIndexOf('.');

        var result = await _box.JoinAsync(host, token[..(dot + 1)] + new string('A', 43));

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("the token was not made by this hub", result.Output, StringComparison.Ordinal);
        Assert.Contains("nothing half-made was left", result.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_box.Files.DataDir));
    }

    [Fact]
    public async Task A_man_in_the_middle_with_another_CA_gets_nothing()
    {
        await using var host = await EnrollmentHost.StartAsync();
        await using var middle = await EnrollmentHost.StartAsync();
        var token = JoinBox.TokenOf(host);

        var result = await EdgeCommand.RunAsync(_box.Arguments(middle, token));

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("is not the hub that the token names", result.Output, StringComparison.Ordinal);
        Assert.Equal(["/ca.crt  "], middle.Requests);
        Assert.False(Directory.Exists(_box.Files.DataDir));
    }

    [Fact]
    public async Task A_man_in_the_middle_who_shows_the_true_CA_certificate_gets_nothing_either()
    {
        await using var host = await EnrollmentHost.StartAsync();
        await using var middle = await EnrollmentHost.StartAsync();
        middle.ServedAuthority = host.Authority.CertificateDer;

        var result = await EdgeCommand.RunAsync(_box.Arguments(middle, JoinBox.TokenOf(host)));

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("shows a certificate that cannot be trusted: it was not signed by the hub's CA", result.Output, StringComparison.Ordinal);
        Assert.Equal(["/ca.crt  "], middle.Requests);
    }

    [Fact]
    public async Task An_address_that_the_hubs_certificate_lacks_is_told_with_those_that_it_names()
    {
        await using var host = await EnrollmentHost.StartAsync(serverName: "hub.example.com");

        var result = await _box.JoinAsync(host);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("it names other addresses: hub.example.com", result.Output, StringComparison.Ordinal);
        Assert.Contains("advertiseAddress", result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(NodePresence.Present, 1, "FAIL  node name    a node edge-1 is there already")]
    [InlineData(NodePresence.Away, 0, "warn  node name    edge-1 is known to the hub, and away: this box takes its place")]
    internal async Task A_name_that_is_taken_is_told_from_one_whose_box_is_away(NodePresence presence, int exitCode, string words)
    {
        await using var host = await EnrollmentHost.StartAsync();
        host.Nodes["edge-1"] = presence;

        var result = await _box.JoinAsync(host);

        Assert.Equal(exitCode, result.ExitCode);
        Assert.Contains(words, result.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-400)]
    [InlineData(+200)]
    public async Task A_box_whose_clock_is_off_joins_by_the_hubs_time_and_is_told(int days)
    {
        await using var host = await EnrollmentHost.StartAsync();
        var parts = EdgeCommand.Parts with { Time = new ShiftedTime(TimeSpan.FromDays(days)) };

        var result = await _box.JoinAsync(host, parts: parts);

        Assert.Equal(0, result.ExitCode);
        Assert.Contains($"{Math.Abs(days)} days {(days > 0 ? "ahead" : "behind")}", result.Output, StringComparison.Ordinal);
        Assert.Contains("timedatectl", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_hours_drift_is_tolerated_by_the_certificate_itself()
    {
        await using var host = await EnrollmentHost.StartAsync();

        Assert.Equal(0, (await _box.JoinAsync(host)).ExitCode);

        Assert.Null(Membership.CertificateProblem(EdgeCoreConfigFile.Load(_box.Files).Config!, DateTimeOffset.UtcNow.AddMinutes(-55)));
    }

    [Fact]
    public async Task A_KubeEdge_hub_enrolls_on_its_other_port()
    {
        await using var host = await EnrollmentHost.StartAsync();
        await using var hubPort = await EnrollmentHost.StartAsync();
        hubPort.ServedAuthority = []; // something speaks TLS there, and knows no /ca.crt

        var result = await EdgeCommand.RunAsync(
            [.. _box.Arguments(host, hub: JoinBox.HubOf(hubPort)), "--certport", host.Port.ToString(CultureInfo.InvariantCulture)]);

        Assert.Equal(0, result.ExitCode);
        var hub = EdgeCoreConfigFile.Load(_box.Files).Config!.Modules.EdgeHub;
        Assert.Equal(JoinBox.HubOf(hubPort), hub.Websocket.Server);
        Assert.Equal("https://" + JoinBox.HubOf(host), hub.HttpServer);
    }

    [Fact]
    public async Task A_runtime_that_does_not_speak_CRI_is_told_from_one_that_is_not_there()
    {
        await using var host = await EnrollmentHost.StartAsync();
        var deaf = EdgeCommand.Parts with { RuntimeVersion = (_, _) => throw new InvalidOperationException("unknown service runtime.v1.RuntimeService") };
        var fine = EdgeCommand.Parts with { RuntimeVersion = (endpoint, _) => Task.FromResult($"containerd 1.6.20") };

        var failed = await _box.JoinAsync(host, parts: deaf);
        var joined = await _box.JoinAsync(host, parts: fine);

        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("does not speak CRI v1: unknown service runtime.v1.RuntimeService", failed.Output, StringComparison.Ordinal);
        Assert.Contains("disabled_plugins", failed.Output, StringComparison.Ordinal);
        Assert.Equal(0, joined.ExitCode);
        Assert.Contains($"ok    runtime      containerd 1.6.20 at {_box.Endpoint}", joined.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_is_named()
    {
        await using var host = await EnrollmentHost.StartAsync();
        await File.WriteAllTextAsync(_box.Files.DataDir, "a file where the folder should be");

        var result = await _box.JoinAsync(host);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"FAIL  data folder  {_box.Files.DataDir} cannot be written", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_that_cannot_be_written_leave_nothing_half_made()
    {
        await using var host = await EnrollmentHost.StartAsync();
        Directory.CreateDirectory(_box.Files.Config); // a folder where the last file should go

        Directory.CreateDirectory(Path.Combine(_box.Files.Config, "x"));
        var result = await _box.JoinAsync(host);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("FAIL  files", result.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_box.Files.Pki));
    }

    [Theory]
    [InlineData("--cloudcore-ipport", "10.0.0.1:x")]
    [InlineData("--cloudcore-ipport", "a b:1")]
    [InlineData("--cloudcore-ipport", "10.0.0.1:70000")]
    [InlineData("--node-name", "Edge_1")]
    [InlineData("--remote-runtime-endpoint", "/run/containerd.sock")]
    [InlineData("--mqtt-server", "127.0.0.1")]
    [InlineData("--labels", "novalue")]
    [InlineData("--labels", "k=v,k=w")]
    [InlineData("--labels", "-k=v")]
    [InlineData("--taints", "a")]
    [InlineData("--taints", "a=b")]
    [InlineData("--taints", "a=b:Never")]
    [InlineData("--taints", "=b:NoExecute")]
    [InlineData("--taints", "a=b c:NoExecute")]
    [InlineData("--taints", "a=b:NoExecute,a:NoExecute")]
    [InlineData("--certport", "x")]
    [InlineData("--token-file", "x")]
    public async Task Options_that_make_no_sense_end_with_exit_code_2(string option, string value)
    {
        var good = new Dictionary<string, string>
        {
            ["--cloudcore-ipport"] = "127.0.0.1:1",
            ["--node-name"] = "edge-1",
            ["--data-dir"] = _box.Files.DataDir,
            ["--token"] = "t",
            [option] = value,
        };

        var result = await EdgeCommand.RunAsync(["join", .. good.Select(o => $"{o.Key}={o.Value}")]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains(option, result.Error, StringComparison.Ordinal);
        Assert.Contains("See: edgecore join --help", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_name_that_is_long_is_certified_whole()
    {
        await using var host = await EnrollmentHost.StartAsync();
        var name = string.Join('.', Enumerable.Repeat(new string('a', 60), 4));

        Assert.Equal(0, (await EdgeCommand.RunAsync(_box.Arguments(host, node: name))).ExitCode);
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(_box.Files.Certificate);
        Assert.Equal(name, NodeIdentity.FromSubject(certificate.SubjectName)!.NodeName);
        var verified = await ProgramsCommand.RunAsync(
            "openssl", ["verify", "-purpose", "sslclient", "-CAfile", _box.Files.CaCertificate, _box.Files.Certificate]);
        Assert.True(verified.Succeeded, verified.Text);
    }

    private sealed class ShiftedTime(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow + by;
    }
}
