using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>Watchers that take nothing, and many on one connection.</summary>
public sealed class SlowWatcherTests
{
    private const string Maps = ApiClient.Core + "/configmaps";

    [Fact]
    public async Task A_watcher_that_stops_reading_is_cut_off_and_neither_writers_nor_other_watchers_wait_for_it()
    {
        await using var host = await ApiHost.StartAsync();
        var api = new ApiClient(host.Client());
        using var stalled = await StalledWatchAsync(host);
        using var quick = await api.WatchAsync(Maps + "?watch=1");
        var payload = new string('x', 200_000);
        await api.PostAsync(Maps, """{"metadata":{"name":"a"}}""");
        Assert.Equal("ADDED a", await quick.NextNameAsync());
        var longest = TimeSpan.Zero;
        for (var i = 0; i < 60; i++)
        {
            var clock = Stopwatch.StartNew();
            var answer = await api.MergeAsync(Maps + "/a", $$$"""{"data":{"k":"{{{i}}}{{{payload}}}"}}""");
            longest = clock.Elapsed > longest ? clock.Elapsed : longest;
            Assert.Equal(HttpStatusCode.OK, answer.Code);
            Assert.Equal("MODIFIED a", await quick.NextNameAsync());
        }

        Assert.True(longest < TimeSpan.FromSeconds(20), $"a write took {longest}");

        await Eventually.HoldsAsync("the stalled watcher is cut off", () => Task.FromResult(IsCut(stalled)), TimeSpan.FromSeconds(30));
    }

    [Fact]
    public async Task Five_hundred_watches_on_one_connection_all_see_a_change()
    {
        await using var host = await ApiHost.StartAsync(http2Streams: 1000);
        using var client = host.Client();
        client.DefaultRequestVersion = HttpVersion.Version20;
        client.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        var api = new ApiClient(client);
        var watches = await Task.WhenAll(Enumerable.Range(0, 500).Select(_ => api.WatchAsync(Maps + "?watch=1")));
        await api.PostAsync(Maps, """{"metadata":{"name":"a"}}""");
        foreach (var name in await Task.WhenAll(watches.Select(w => w.NextNameAsync())))
        {
            Assert.Equal("ADDED a", name);
        }

        foreach (var watch in watches)
        {
            watch.Dispose();
        }
    }

    /// <summary>A watch over a socket of our own that nobody reads from.</summary>
    private static async Task<Socket> StalledWatchAsync(ApiHost host)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(IPAddress.Loopback, host.Address.Port);
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: false));
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "127.0.0.1",
            ClientCertificates = [host.Certificates.IssueClient("admin", ["system:masters"])],
            RemoteCertificateValidationCallback = (_, certificate, _, _) => host.Certificates.Issued(certificate),
        });
        await tls.WriteAsync(Encoding.ASCII.GetBytes($"GET {Maps}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n"));
        var head = new byte[64];
        Assert.True(await tls.ReadAsync(head) > 0);
        return socket;
    }

    /// <summary>
    /// Whether the server has closed its end. The client sees that only behind all that the kernel still holds for it, and
    /// must not read that: it would no longer be stalled. So the kernel is asked.
    /// </summary>
    private static bool IsCut(Socket socket)
    {
        const string established = "01";
        var client = ((IPEndPoint)socket.LocalEndPoint!).Port;
        var server = ((IPEndPoint)socket.RemoteEndPoint!).Port;
        return !File.ReadLines("/proc/net/tcp").Skip(1)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Any(row => row[1].EndsWith($":{server:X4}", StringComparison.Ordinal) && row[2].EndsWith($":{client:X4}", StringComparison.Ordinal) && row[3] == established);
    }
}
