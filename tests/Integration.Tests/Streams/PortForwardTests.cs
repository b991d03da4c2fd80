using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using EdgeSync.Integration.Tests.World;

namespace EdgeSync.Integration.Tests.Streams;

/// <summary>kubectl port-forward to a web server on a real node.</summary>
[Collection(StreamTests.Name)]
public sealed class PortForwardTests(StreamWorld streams)
{
    [EndToEndTheory]
    [KubectlVersions]
    public async Task A_forwarded_port_reaches_the_pod_many_times_over(string version)
    {
        using var kubectl = streams.Start(version, "port-forward", "pod/app", ":8080");
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{await PortAsync(kubectl, limit.Token)}") };
            var answers = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => http.GetStringAsync("/", limit.Token)));
            Assert.All(answers, answer => Assert.Equal("hello from the edge\n", answer));
        }
        finally
        {
            kubectl.Kill();
            await kubectl.WaitForExitAsync();
        }
    }

    [EndToEndTheory]
    [KubectlVersions]
    public async Task A_port_that_nobody_listens_on_is_said_by_the_node(string version)
    {
        using var kubectl = streams.Start(version, "port-forward", "pod/app", ":9999");
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            var port = await PortAsync(kubectl, limit.Token);
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, port, limit.Token);
            await socket.GetStream().WriteAsync("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), limit.Token);

            Assert.Contains("9999", await kubectl.StandardError.ReadLineAsync(limit.Token), StringComparison.Ordinal);
        }
        finally
        {
            kubectl.Kill();
            await kubectl.WaitForExitAsync();
        }
    }

    /// <summary>kubectl says "Forwarding from 127.0.0.1:PORT -> …".</summary>
    private static async Task<int> PortAsync(Process kubectl, CancellationToken cancellationToken)
    {
        var said = new StringBuilder();
        while (await kubectl.StandardOutput.ReadLineAsync(cancellationToken) is { } line)
        {
            said.AppendLine(line);
            if (line.Contains("127.0.0.1:", StringComparison.Ordinal))
            {
                return PortOf(line);
            }
        }

        throw new InvalidOperationException($"kubectl ended: {said}{await kubectl.StandardError.ReadToEndAsync(cancellationToken)}");
    }

    private static int PortOf(string line) =>
        int.Parse(line.Split("127.0.0.1:")[1].Split(' ')[0], NumberStyles.None, CultureInfo.InvariantCulture);
}
