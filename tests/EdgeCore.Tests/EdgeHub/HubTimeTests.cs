using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSync.EdgeCore.EdgeHub;
using EdgeSync.EdgeCore.MetaManager;
using EdgeSync.Storage;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.EdgeHub;

public sealed class HubTimeTests : IAsyncLifetime, IAsyncDisposable
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TempFolder _folder = new();
    private readonly Database _database;

    public HubTimeTests() => _database = EdgeDatabase.Open(_folder.File("edgecore.db"), TimeProvider.System);

    Task IAsyncLifetime.InitializeAsync() => Task.CompletedTask;

    // the test runner knows this one alone
    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public void A_certificate_that_ended_before_the_nodes_own_was_signed_is_refused()
    {
        using var own = Certificate(s_start, 365);
        using var old = Certificate(s_start.AddDays(-100), 99);
        using var good = Certificate(s_start.AddDays(-100), 101);
        var time = new HubTime(_database);

        Assert.Contains("ended at 2025-12-31", time.Problem([good, old], own), StringComparison.Ordinal);
        Assert.Null(time.Problem([good], own));
    }

    [Fact]
    public void A_certificate_that_begins_in_the_clocks_future_is_taken()
    {
        using var own = Certificate(s_start, 365);
        using var future = Certificate(s_start.AddYears(30), 365);

        Assert.Null(new HubTime(_database).Problem([future], own));
    }

    [Fact]
    public async Task What_a_hub_said_is_known_after_a_restart()
    {
        using var own = Certificate(s_start, 3650);
        using var first = Certificate(s_start, 365);
        using var second = Certificate(s_start.AddDays(300), 365);
        await new HubTime(_database).HeardAsync(s_start.AddDays(400), second, CancellationToken.None);

        var restarted = new HubTime(_database);
        Assert.NotNull(restarted.Problem([first], own));
        Assert.Null(restarted.Problem([second], own));
    }

    [Fact]
    public async Task A_hub_whose_clock_has_passed_its_own_certificate_is_no_witness()
    {
        using var own = Certificate(s_start, 365);
        using var certificate = Certificate(s_start, 365);
        var time = new HubTime(_database);
        await time.HeardAsync(s_start.AddYears(50), certificate, CancellationToken.None);

        Assert.Null(time.Problem([certificate], own));
    }

    private static X509Certificate2 Certificate(DateTimeOffset from, int days)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=hub", key, HashAlgorithmName.SHA256).CreateSelfSigned(from, from.AddDays(days));
    }
}
