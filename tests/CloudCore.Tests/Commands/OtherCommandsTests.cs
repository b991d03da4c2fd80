using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Commands;

public sealed class OtherCommandsTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(null, 24)]
    [InlineData("30m", 0.5)]
    [InlineData("48h", 48)]
    public async Task A_token_stands_alone_on_the_output_and_lives_as_long_as_asked(string? ttl, double hours)
    {
        await CloudCommand.RunAsync("init", "--data-dir", _folder.Path);

        var (exitCode, output, error) = await CloudCommand.RunAsync(["gettoken", "--data-dir", _folder.Path, .. ttl is null ? [] : new[] { "--ttl", ttl }]);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Single(output.TrimEnd('\n').Split('\n'));
        Assert.True(JoinToken.TryParse(output, out var token, out _));
        Assert.InRange(token!.Expires, DateTimeOffset.UtcNow.AddHours(hours).AddMinutes(-1), DateTimeOffset.UtcNow.AddHours(hours));
        var files = new CloudFiles(_folder.Path);
        using var authority = CertificateAuthority.Load(files.CaCertificate, files.CaKey, TimeProvider.System);
        Assert.True(token.IsOf(authority.CertificateDer));
        Assert.Null(authority.TicketProblem(token.Ticket));
    }

    [Theory]
    [InlineData("0s")]
    [InlineData("-1h")]
    [InlineData("24")]
    [InlineData("forever")]
    public async Task A_lifetime_that_is_none_ends_with_exit_code_2(string ttl)
    {
        var (exitCode, _, error) = await CloudCommand.RunAsync("gettoken", "--data-dir", _folder.Path, "--ttl", ttl);

        Assert.Equal(2, exitCode);
        Assert.Contains("--ttl must be a duration", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gettoken")]
    [InlineData("run")]
    public async Task A_folder_that_was_not_initialized_is_named_with_the_remedy(string command)
    {
        var (exitCode, output, error) = await CloudCommand.RunAsync(command, "--data-dir", _folder.Path);

        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains($"cloudcore init --data-dir {_folder.Path}", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_CA_is_named()
    {
        await CloudCommand.RunAsync("init", "--data-dir", _folder.Path);
        var files = new CloudFiles(_folder.Path);
        await File.WriteAllTextAsync(files.CaKey, "no key");

        var (exitCode, _, error) = await CloudCommand.RunAsync("gettoken", "--data-dir", _folder.Path);

        Assert.Equal(1, exitCode);
        Assert.Contains(files.CaKey, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_gets_the_configuration_and_a_kubeconfig_overrides_the_embedded_API()
    {
        await CloudCommand.RunAsync("init", "--data-dir", _folder.Path);
        var kubeconfig = _folder.File("kubeconfig");
        await File.WriteAllTextAsync(kubeconfig, "");

        Assert.Contains("embedded=True", (await CloudCommand.RunAsync("run", "--data-dir", _folder.Path)).Output, StringComparison.Ordinal);
        Assert.Contains($"embedded=False kubeconfig={kubeconfig}", (await CloudCommand.RunAsync("run", "--data-dir", _folder.Path, "--kubeconfig", kubeconfig)).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_problem_of_the_configuration_is_named_at_once()
    {
        await CloudCommand.RunAsync("init", "--data-dir", _folder.Path);
        await File.WriteAllTextAsync(
            new CloudFiles(_folder.Path).Config,
            """
            apiVersion: cloudcore.config.kubeedge.io/v1alpha2
            kind: CloudCore
            modules:
              embeddedApi: {port: 70000, adress: 1.2.3.4}
              cloudHub:
                nodeLimit: 0
                advertiseAddress: ["not a name"]
                quic: {enable: false}
                websocket: {port: 10000, address: everywhere}
            """);

        var (exitCode, _, error) = await CloudCommand.RunAsync("run", "--data-dir", _folder.Path);

        Assert.Equal(1, exitCode);
        Assert.Contains("modules.embeddedApi.port (line 4): must be from 1 to 65535, and is 70000", error, StringComparison.Ordinal);
        Assert.Contains("modules.cloudHub.nodeLimit (line 6): must be from 1", error, StringComparison.Ordinal);
        Assert.Contains("modules.cloudHub.advertiseAddress[0] (line 7): must be an IP address or DNS name", error, StringComparison.Ordinal);
        Assert.Contains("modules.cloudHub.websocket.address (line 9): must be an IP address", error, StringComparison.Ordinal);
        Assert.Contains("warning", error, StringComparison.Ordinal);
        Assert.Contains("modules.embeddedApi.adress (line 4): nothing reads this member", error, StringComparison.Ordinal);
        Assert.DoesNotContain("quic", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--version")]
    [InlineData("version")]
    public async Task The_version_is_told(string argument)
    {
        var (exitCode, output, _) = await CloudCommand.RunAsync(argument);

        Assert.Equal(0, exitCode);
        Assert.Matches(@"^cloudcore \d+\.\d+\.\d+\n$", output);
    }

    [Theory]
    [InlineData("init")]
    [InlineData("gettoken")]
    [InlineData("run")]
    public async Task Help_has_examples(string command)
    {
        var (exitCode, output, _) = await CloudCommand.RunAsync(command, "--help");

        Assert.Equal(0, exitCode);
        Assert.Contains($"cloudcore {command} --data-dir", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_command_ends_with_exit_code_2() => Assert.Equal(2, (await CloudCommand.RunAsync()).ExitCode);
}
