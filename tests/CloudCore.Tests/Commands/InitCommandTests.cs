using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.Protocol.Enrollment;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.Commands;

public sealed class InitCommandTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly CloudFiles _files;

    public InitCommandTests() => _files = new CloudFiles(_folder.File("cloud"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Init_makes_everything_that_a_hub_needs_and_says_what_comes_next()
    {
        var (exitCode, output, error) = await InitAsync("--advertise-address", "203.0.113.5,hub.example.com", "--api-port", "7443", "--hub-port", "11000");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains($"cloudcore run --data-dir {_files.DataDir}", output, StringComparison.Ordinal);
        Assert.Contains($"export KUBECONFIG={_files.AdminKubeconfig}", output, StringComparison.Ordinal);
        Assert.Contains($"cloudcore gettoken --data-dir {_files.DataDir}", output, StringComparison.Ordinal);
        Assert.Contains("edgecore join --cloudcore-ipport=203.0.113.5:11000", output, StringComparison.Ordinal);

        using var server = X509CertificateLoader.LoadCertificateFromFile(_files.ServerCertificate);
        foreach (var name in new[] { "203.0.113.5", "hub.example.com", "localhost", "127.0.0.1", "::1" })
        {
            Assert.True(server.MatchesHostname(name, allowWildcards: false, allowCommonName: false), name);
        }

        var loaded = CloudCoreConfigFile.Load(_files);
        Assert.Empty(loaded.Problems);
        Assert.Empty(loaded.Warnings);
        Assert.Equal(["203.0.113.5", "hub.example.com"], loaded.Config!.Modules.CloudHub.AdvertiseAddress);
        Assert.Equal((7443, 11000), (loaded.Config.Modules.EmbeddedApi.Port, loaded.Config.Modules.CloudHub.Websocket.Port));
        Assert.Equal(_files.CaKey, loaded.Config.Modules.CloudHub.TlsCAKeyFile);
    }

    [Fact]
    public async Task Folders_and_keys_are_the_owners_alone()
    {
        await InitAsync();

        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(owner | UnixFileMode.UserExecute, File.GetUnixFileMode(_files.DataDir));
        Assert.Equal(owner | UnixFileMode.UserExecute, File.GetUnixFileMode(_files.Pki));
        foreach (var file in Directory.EnumerateFiles(_files.Pki, "*.key").Append(_files.AdminKubeconfig).Append(_files.Config))
        {
            Assert.Equal(owner, File.GetUnixFileMode(file));
        }
    }

    [Fact]
    public async Task The_first_token_is_printed_and_stored_nowhere()
    {
        var (_, output, _) = await InitAsync();

        var token = output.Split("--token=")[1].Split(' ')[0];
        Assert.True(JoinToken.TryParse(token, out _, out var problem), problem);
        foreach (var file in Directory.EnumerateFiles(_files.DataDir, "*", SearchOption.AllDirectories))
        {
            Assert.DoesNotContain(token.Split('.')[3], await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Where_the_output_may_be_kept_no_token_is_in_it_but_the_command_that_gives_one()
    {
        var (exitCode, output, _) = await CloudCommand.RunAsync(isTerminal: false, "init", "--data-dir", _files.DataDir);

        Assert.Equal(0, exitCode);
        Assert.Contains($"--token=$(cloudcore gettoken --data-dir {_files.DataDir})", output, StringComparison.Ordinal);
        Assert.All(output.Split(' ', '=', '\n'), word => Assert.False(JoinToken.TryParse(word, out _, out _)));
    }

    [Fact]
    public async Task Init_again_changes_nothing_and_says_so()
    {
        await InitAsync("--advertise-address", "127.0.0.1");
        var before = Snapshot();

        var (exitCode, output, _) = await InitAsync("--advertise-address", "127.0.0.1");

        Assert.Equal(0, exitCode);
        Assert.Contains("is initialized already; nothing was changed", output, StringComparison.Ordinal);
        Assert.DoesNotContain("eyJ", output, StringComparison.Ordinal);
        Assert.Equal(before, Snapshot());
    }

    [Fact]
    public async Task Init_again_with_other_wishes_changes_nothing_and_says_what_differs()
    {
        await InitAsync("--advertise-address", "127.0.0.1");
        var before = Snapshot();

        var (exitCode, _, error) = await InitAsync("--advertise-address", "203.0.113.5", "--api-port", "7443", "--hub-port", "10000");

        Assert.Equal(1, exitCode);
        Assert.Contains("modules.cloudHub.advertiseAddress is \"127.0.0.1\", and \"203.0.113.5\" was asked for", error, StringComparison.Ordinal);
        Assert.Contains("modules.embeddedApi.port is \"6443\", and \"7443\"", error, StringComparison.Ordinal);
        Assert.DoesNotContain("websocket", error, StringComparison.Ordinal);
        Assert.Contains($"edit {_files.Config}", error, StringComparison.Ordinal);
        Assert.Equal(before, Snapshot());
    }

    [Fact]
    public async Task After_an_edit_of_the_configuration_init_renews_what_depends_on_it()
    {
        await InitAsync("--advertise-address", "127.0.0.1");
        var ca = await File.ReadAllTextAsync(_files.CaCertificate);
        var text = await File.ReadAllTextAsync(_files.Config);
        await File.WriteAllTextAsync(_files.Config, text
            .Replace("- \"127.0.0.1\"", "- 198.51.100.7", StringComparison.Ordinal)
            .Replace("port: 6443", "port: 7443", StringComparison.Ordinal));

        var (exitCode, _, _) = await InitAsync();

        Assert.Equal(0, exitCode);
        using var server = X509CertificateLoader.LoadCertificateFromFile(_files.ServerCertificate);
        Assert.True(server.MatchesHostname("198.51.100.7", allowWildcards: false, allowCommonName: false));
        Assert.Contains("https://127.0.0.1:7443", await File.ReadAllTextAsync(_files.AdminKubeconfig), StringComparison.Ordinal);
        Assert.Equal(ca, await File.ReadAllTextAsync(_files.CaCertificate));
    }

    /// <summary>Init writes one file after another, so a crash leaves the first n of them.</summary>
    [Fact]
    public async Task Init_that_was_interrupted_after_any_file_is_completed_by_the_next()
    {
        var (_, output, _) = await InitAsync("--advertise-address", "127.0.0.1");
        var made = output.Split("Next:")[0].Split('\n').Select(l => l.Trim()).Where(l => l.StartsWith('/')).ToArray();
        Assert.Equal(_files.Config, made[^1]);

        for (var n = 0; n < made.Length; n++)
        {
            foreach (var file in made[n..])
            {
                File.Delete(file);
            }

            var kept = made[..n].ToDictionary(f => f, File.ReadAllText);

            // other wishes than those of the interrupted call are followed: nobody has used its files yet
            var (exitCode, _, error) = await InitAsync("--advertise-address", $"203.0.113.{n}");

            Assert.Equal((0, ""), (exitCode, error));
            Assert.All(made, f => Assert.True(File.Exists(f), f));
            Assert.All(kept.Where(k => k.Key.EndsWith(".key", StringComparison.Ordinal) || k.Key == _files.CaCertificate), k => Assert.Equal(k.Value, File.ReadAllText(k.Key)));
            using var server = X509CertificateLoader.LoadCertificateFromFile(_files.ServerCertificate);
            Assert.True(server.MatchesHostname($"203.0.113.{n}", allowWildcards: false, allowCommonName: false));
        }
    }

    [Fact]
    public async Task A_lost_CA_is_never_replaced_by_another()
    {
        await InitAsync();
        File.Delete(_files.CaKey);

        var (exitCode, _, error) = await InitAsync();

        Assert.Equal(1, exitCode);
        Assert.Contains($"{_files.CaKey} is gone", error, StringComparison.Ordinal);
        Assert.Contains("backup", error, StringComparison.Ordinal);
        Assert.False(File.Exists(_files.CaKey));
    }

    [Fact]
    public async Task Two_inits_at_once_never_make_two_CAs()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => InitAsync())));

        Assert.Contains(results, r => r.ExitCode == 0);
        Assert.All(results.Where(r => r.ExitCode != 0), r => Assert.Contains("another cloudcore init", r.Error, StringComparison.Ordinal));
        using var authority = CloudCore.Enrollment.CertificateAuthority.Load(_files.CaCertificate, _files.CaKey, TimeProvider.System);
        using var server = X509CertificateLoader.LoadCertificateFromFile(_files.ServerCertificate);
        Assert.Null(TrustedChain.Problem(server, authority.Certificate, NodeCertificateRequest.ServerAuthentication, DateTimeOffset.UtcNow));
    }

    [Fact]
    public async Task With_a_kubeconfig_there_is_no_embedded_API_and_no_administrator()
    {
        var kubeconfig = _folder.File("kubeconfig");
        await File.WriteAllTextAsync(kubeconfig, "apiVersion: v1\nkind: Config\n");

        var (exitCode, output, _) = await InitAsync("--kubeconfig", kubeconfig);

        Assert.Equal(0, exitCode);
        Assert.False(File.Exists(_files.AdminKubeconfig));
        Assert.DoesNotContain("KUBECONFIG", output, StringComparison.Ordinal);
        var config = CloudCoreConfigFile.Load(_files).Config!;
        Assert.False(config.Modules.EmbeddedApi.Enable);
        Assert.Equal(kubeconfig, config.KubeAPIConfig.KubeConfig);
    }

    [Fact]
    public async Task A_kubeconfig_that_is_not_there_is_named()
    {
        var (exitCode, _, error) = await InitAsync("--kubeconfig", "/nonexistent/config");

        Assert.Equal(1, exitCode);
        Assert.Contains("/nonexistent/config", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_files.DataDir));
    }

    [Theory]
    [InlineData("--api-port", "0")]
    [InlineData("--hub-port", "65536")]
    [InlineData("--hub-port", "x")]
    [InlineData("--advertise-address", "10.0.0.1:10000")]
    [InlineData("--advertise-address", "a b")]
    [InlineData("--unknown", "x")]
    public async Task Options_that_make_no_sense_end_with_exit_code_2(string option, string value)
    {
        var (exitCode, _, error) = await InitAsync(option, value);

        Assert.Equal(2, exitCode);
        Assert.Contains(option, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_files.DataDir));
    }

    [Fact]
    public async Task Openssl_accepts_the_certificates()
    {
        await InitAsync();

        await VerifyAsync("sslserver", _files.ServerCertificate);
        await VerifyAsync("sslserver", _files.ApiCertificate);
        await VerifyAsync("sslclient", _files.AdminCertificate);
    }

    /// <summary>The token's HMAC key must be the stored key's bytes, or a KubeEdge hub with the same CA would not know it.</summary>
    [Fact]
    public async Task The_ticket_is_signed_with_the_DER_of_the_key_file()
    {
        await InitAsync();
        var (_, output, _) = await CloudCommand.RunAsync("gettoken", "--data-dir", _files.DataDir);
        var pem = await File.ReadAllTextAsync(_files.CaKey);
        var fields = PemEncoding.Find(pem);

        var parts = output.Trim().Split('.');
        var signature = HMACSHA256.HashData(Convert.FromBase64String(pem[fields.Base64Data]), System.Text.Encoding.ASCII.GetBytes($"{parts[1]}.{parts[2]}"));

        Assert.Equal("EC PRIVATE KEY", pem[fields.Label]);
        Assert.Equal(System.Buffers.Text.Base64Url.EncodeToString(signature), parts[3]);
    }

    private async Task VerifyAsync(string purpose, string certificate)
    {
        var result = await ProgramsCommand.RunAsync("openssl", ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", _files.CaCertificate, certificate]);
        Assert.True(result.Succeeded, result.Text);
    }

    private Task<(int ExitCode, string Output, string Error)> InitAsync(params string[] args) =>
        CloudCommand.RunAsync(["init", "--data-dir", _files.DataDir, .. args]);

    private Dictionary<string, (string Content, DateTime Written)> Snapshot() => Directory
        .EnumerateFiles(_files.DataDir, "*", SearchOption.AllDirectories)
        .Where(f => f != _files.InitLock)
        .ToDictionary(f => f, f => (File.ReadAllText(f), File.GetLastWriteTimeUtc(f)));
}
