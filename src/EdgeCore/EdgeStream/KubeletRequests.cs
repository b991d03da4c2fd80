using System.Globalization;
using System.Net;
using System.Text;
using EdgeSync.EdgeCore.Edged.Cri;
using EdgeSync.Hosting.Tunnel;
using EdgeSync.Protocol.Tunnel;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;

namespace EdgeSync.EdgeCore.EdgeStream;

/// <summary>
/// Serves what a kubelet serves to its API server, through the tunnel:
/// <c>/containerLogs/NS/POD/CONTAINER</c>, <c>/exec|attach/NS/POD[/UID]/CONTAINER</c>, <c>/portForward/NS/POD[/UID]</c>,
/// <c>/stats/summary</c>, <c>/metrics/resource</c>.
/// </summary>
internal sealed partial class KubeletRequests(
    CriClient cri, ContainerLookup containers, NodeStats stats, TimeProvider time, ILogger<KubeletRequests> logger)
{
    private const string Text = "text/plain; charset=utf-8";
    private const int MaxPorts = 128;

    /// <summary>Serves one request; <see cref="ServeTunnelRequest"/>.</summary>
    public async Task ServeAsync(TunnelMessageType type, TunnelRequest request, TunnelStream stream, CancellationToken cancellationToken)
    {
        var answer = new Answer(stream, type is TunnelMessageType.ExecConnect or TunnelMessageType.AttachConnect);

        // whoever asked may go at any time
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, stream.Ended);
        try
        {
            await RouteAsync(request, stream, answer, ending.Token);
        }
        catch (KubeletException e)
        {
            LogRefused(request.Method, request.Path, e.Message);
            await answer.FailAsync(e.Status, e.Message, ending.Token);
        }
        catch (CriException e)
        {
            LogRefused(request.Method, request.Path, e.Message);
            await answer.FailAsync(HttpStatusCode.InternalServerError, e.Message, ending.Token);
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // nobody waits for it any more
        }
        catch (Exception e) when (e is not (IOException or OperationCanceledException))
        {
            LogFault(e, request.Method, request.Path);
            throw new IOException("the node could not serve this; its log has the details", e);
        }
    }

    private Task RouteAsync(TunnelRequest request, TunnelStream stream, Answer answer, CancellationToken cancellationToken)
    {
        var parts = request.Path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts switch
        {
            ["containerLogs", var ns, var pod, var container] =>
                LogsAsync(new ContainerAddress(ns, pod, container), request.Query, answer, cancellationToken),
            ["exec", var ns, var pod, .. [] or [_], var container] =>
                ExecAsync(new ContainerAddress(ns, pod, container), request, stream, cancellationToken),
            ["attach", var ns, var pod, .. [] or [_], var container] =>
                AttachAsync(new ContainerAddress(ns, pod, container), request, stream, cancellationToken),
            ["portForward", var ns, var pod, .. [] or [_]] => PortForwardAsync(ns, pod, request, stream, cancellationToken),
            ["stats", "summary"] or ["stats"] => SummaryAsync(answer, cancellationToken),
            ["metrics", "resource"] => ResourceMetricsAsync(answer, cancellationToken),
            _ => throw new KubeletException(HttpStatusCode.NotFound, $"this node serves no {request.Path}"),
        };
    }

    private async Task LogsAsync(ContainerAddress address, string query, Answer answer, CancellationToken cancellationToken)
    {
        var options = LogOptions.Parse(query, time.GetUtcNow());
        var container = await containers.LoggedAsync(address, options.Previous, cancellationToken);
        var path = containers.LogFile(container);
        if (!File.Exists(path))
        {
            throw new KubeletException(HttpStatusCode.NotFound, $"the log of container \"{address.Name}\" in pod \"{address.Pod}\" is not there: it may have been removed with its container");
        }

        await answer.BeginAsync(Text, cancellationToken);
        await new LogCopy(options, IsRunningAsync, answer.Body, time).RunAsync(path, cancellationToken);

        async Task<bool> IsRunningAsync(CancellationToken token)
        {
            try
            {
                return (await cri.ContainerStatusAsync(container.Id, token)).State is ContainerState.ContainerRunning or ContainerState.ContainerCreated;
            }
            catch (CriException e) when (e.Code == CriCode.NotFound)
            {
                return false;
            }
            catch (CriException e) when (e.IsAway)
            {
                return true; // a runtime that restarts leaves its containers running
            }
        }
    }

    private async Task ExecAsync(ContainerAddress address, TunnelRequest request, TunnelStream stream, CancellationToken cancellationToken)
    {
        var query = QueryHelpers.ParseQuery(request.Query);
        var streams = Streams(query);
        var exec = new ExecRequest { Tty = streams.Tty, Stdin = streams.Stdin, Stdout = streams.Stdout, Stderr = streams.Stderr };
        exec.Cmd.AddRange(query.GetValueOrDefault("command", StringValues.Empty).Select(word => word ?? ""));
        if (exec.Cmd.Count == 0)
        {
            throw new KubeletException(HttpStatusCode.BadRequest, "you must specify at least one command");
        }

        exec.ContainerId = (await containers.RunningAsync(address, cancellationToken)).Id;
        await RuntimeStream.RunAsync(await cri.ExecAsync(exec, cancellationToken), request, stream, cancellationToken);
    }

    private async Task AttachAsync(ContainerAddress address, TunnelRequest request, TunnelStream stream, CancellationToken cancellationToken)
    {
        var streams = Streams(QueryHelpers.ParseQuery(request.Query));
        var tty = containers.HasTty(address); // it was decided when the container was made
        var attach = new AttachRequest
        {
            ContainerId = (await containers.RunningAsync(address, cancellationToken)).Id,
            Tty = tty,
            Stdin = streams.Stdin,
            Stdout = streams.Stdout,
            Stderr = streams.Stderr && !tty,
        };
        await RuntimeStream.RunAsync(await cri.AttachAsync(attach, cancellationToken), request, stream, cancellationToken);
    }

    private async Task PortForwardAsync(string ns, string pod, TunnelRequest request, TunnelStream stream, CancellationToken cancellationToken)
    {
        // SPDY names each port with its streams, a WebSocket all of them in its query
        var forward = new PortForwardRequest { PodSandboxId = await containers.SandboxAsync(ns, pod, cancellationToken) };
        var given = QueryHelpers.ParseQuery(request.Query).GetValueOrDefault("ports", StringValues.Empty)
            .SelectMany(p => (p ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        foreach (var text in given)
        {
            if (given.Length > MaxPorts || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
            {
                throw new KubeletException(HttpStatusCode.BadRequest, $"ports must be up to {MaxPorts} numbers from 1 to 65535; \"{text}\" is none");
            }

            forward.Port.Add(port);
        }

        await RuntimeStream.RunAsync(await cri.PortForwardAsync(forward, cancellationToken), request, stream, cancellationToken);
    }

    private async Task SummaryAsync(Answer answer, CancellationToken cancellationToken)
    {
        var usage = await stats.ReadAsync(cancellationToken);
        await answer.BeginAsync("application/json", cancellationToken);
        await answer.Body.WriteAsync(StatsSummary.Render(usage), cancellationToken);
    }

    private async Task ResourceMetricsAsync(Answer answer, CancellationToken cancellationToken)
    {
        var usage = await stats.ReadAsync(cancellationToken);
        await answer.BeginAsync("text/plain; version=0.0.4; charset=utf-8", cancellationToken);
        await answer.Body.WriteAsync(Encoding.UTF8.GetBytes(StatsSummary.RenderMetrics(usage)), cancellationToken);
    }

    private static (bool Stdin, bool Stdout, bool Stderr, bool Tty) Streams(Dictionary<string, StringValues> query)
    {
        var streams = (Stdin: Is("stdin", "input"), Stdout: Is("stdout", "output"), Stderr: Is("stderr", "error"), Tty: Is("tty", "tty"));
        if (!streams.Stdin && !streams.Stdout && !streams.Stderr)
        {
            throw new KubeletException(HttpStatusCode.BadRequest, "you must specify at least 1 of stdin, stdout, stderr");
        }

        return streams.Tty && streams.Stderr
            ? throw new KubeletException(HttpStatusCode.BadRequest, "tty and stderr cannot both be true")
            : streams;

        // the kubelet's names of its own are those that an API server uses
        bool Is(string name, string kubelet) => new[] { name, kubelet }.Any(n => query.GetValueOrDefault(n, StringValues.Empty).ToString() is "true" or "1");
    }

    [LoggerMessage(LogLevel.Debug, "{Method} {Path} of the cloud was refused: {Reason}")]
    private partial void LogRefused(string method, string path, string reason);

    [LoggerMessage(LogLevel.Error, "{Method} {Path} of the cloud failed")]
    private partial void LogFault(Exception error, string method, string path);

    /// <summary>An HTTP response, or, as KubeEdge wants logs and figures, its body alone.</summary>
    private sealed class Answer(TunnelStream stream, bool withHead)
    {
        private bool _begun;

        public Stream Body => stream;

        public async Task BeginAsync(string contentType, CancellationToken cancellationToken)
        {
            _begun = true;
            if (withHead)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: {contentType}\r\nConnection: close\r\n\r\n"), cancellationToken);
            }
        }

        public async Task FailAsync(HttpStatusCode status, string message, CancellationToken cancellationToken)
        {
            if (_begun)
            {
                throw new IOException(message); // half an answer is out: the stream's end says why
            }

            var body = Encoding.UTF8.GetBytes(message + "\n");
            if (withHead)
            {
                await stream.WriteAsync(
                    Encoding.ASCII.GetBytes($"HTTP/1.1 {(int)status} {status}\r\nContent-Type: {Text}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n"),
                    cancellationToken);
            }

            await stream.WriteAsync(body, cancellationToken);
        }
    }
}
