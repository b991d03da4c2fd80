using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Protocol.Kubernetes;
using Container = EdgeSync.Protocol.Kubernetes.Container;

namespace EdgeSync.EdgeCore.Edged.Probes;

/// <summary>Where a check is made.</summary>
/// <param name="ContainerId">For commands.</param>
/// <param name="Host">The pod's address, or the node's on the host's network.</param>
/// <param name="Container">For named ports.</param>
internal sealed record ProbeTarget(string ContainerId, string Host, Container Container);

/// <summary>One check of a container by command, HTTP request or TCP connection; also the hooks made of the same actions.</summary>
internal sealed class ProbeChecks(CriClient cri) : IDisposable
{
#pragma warning disable CA5359 // a probe asks whether the app answers, not who it is: Kubernetes checks no certificates here either
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        PooledConnectionLifetime = TimeSpan.Zero, // each check its own connection
        SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
    });
#pragma warning restore CA5359

    /// <returns>Null when the check succeeds, else why it did not.</returns>
    public async Task<string?> CheckAsync(ProbeTarget target, Probe probe, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(timeout);
        try
        {
            return probe switch
            {
                { Exec: { } exec } => await ExecAsync(target, exec, timeout, cancellationToken),
                { HttpGet: { } get } => await HttpAsync(target, get, limit.Token),
                { TcpSocket: { } tcp } => await TcpAsync(target, tcp, limit.Token),
                _ => null, // gRPC is not checked yet: such a container counts as healthy
            };
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"no answer within {timeout.TotalSeconds:0.#} s";
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException or FormatException)
        {
            return e.Message;
        }
    }

    /// <returns>Null when the command ends with 0.</returns>
    public async Task<string?> ExecAsync(ProbeTarget target, ExecAction exec, TimeSpan timeout, CancellationToken cancellationToken)
    {
        const int MaxText = 512;
        try
        {
            var result = await cri.ExecSyncAsync(target.ContainerId, exec.Command, timeout, cancellationToken);
            if (result.ExitCode == 0)
            {
                return null;
            }

            var text = (result.Stdout.ToStringUtf8() + result.Stderr.ToStringUtf8()).Trim();
            return $"the command ended with {result.ExitCode}: {(text.Length > MaxText ? text[..MaxText] : text)}";
        }
        catch (CriException e) when (e.Code is not CriCode.Unavailable)
        {
            return e.Message;
        }
    }

    /// <returns>Null on a status from 200 to 399.</returns>
    public async Task<string?> HttpAsync(ProbeTarget target, HttpGetAction get, CancellationToken cancellationToken)
    {
        var host = string.IsNullOrEmpty(get.Host) ? target.Host : get.Host;
        var scheme = string.Equals(get.Scheme, "HTTPS", StringComparison.OrdinalIgnoreCase) ? "https" : "http";
        var path = string.IsNullOrEmpty(get.Path) ? "/" : get.Path;
        using var request = new HttpRequestMessage(
            HttpMethod.Get, $"{scheme}://{Bracketed(host)}:{Port(get.Port, target.Container)}{(path[0] == '/' ? path : "/" + path)}");
        request.Headers.TryAddWithoutValidation("User-Agent", "kube-probe/1.32");
        request.Headers.TryAddWithoutValidation("Accept", "*/*");
        foreach (var header in get.HttpHeaders)
        {
            request.Headers.TryAddWithoutValidation(header.Name, header.Value);
        }

        using var response = await _http.SendAsync(request, cancellationToken);
        return response.StatusCode is >= HttpStatusCode.OK and < HttpStatusCode.BadRequest
            ? null
            : $"HTTP probe failed with statuscode: {(int)response.StatusCode}";
    }

    public void Dispose() => _http.Dispose();

    private static async Task<string?> TcpAsync(ProbeTarget target, TcpSocketAction tcp, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(
            string.IsNullOrEmpty(tcp.Host) ? target.Host : tcp.Host, Port(tcp.Port, target.Container), cancellationToken);
        return null;
    }

    private static string Bracketed(string host) => host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host;

    /// <exception cref="FormatException">The container has no port of that name.</exception>
    private static int Port(JsonElement port, Container container)
    {
        if (port.ValueKind == JsonValueKind.Number)
        {
            return port.GetInt32();
        }

        var name = port.ValueKind == JsonValueKind.String ? port.GetString() : null;
        return int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : container.Ports.FirstOrDefault(p => p.Name == name)?.Port
                ?? throw new FormatException($"container {container.Name} has no port named {name}");
    }
}
