using System.Net.Sockets;
using EdgeSync.EdgeCore.Configuration;

namespace EdgeSync.EdgeCore.Commands.Join;

/// <summary>Checks of this box alone: its data folder, container runtime and MQTT broker.</summary>
internal static class LocalChecks
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    public static CheckResult DataFolder(EdgeFiles files)
    {
        const string name = "data folder";
        try
        {
            using var probe = new FolderProbe(files.DataDir);
            return CheckResult.Ok(name, $"{files.DataDir} can be written");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return CheckResult.Failed(name, $"{files.DataDir} cannot be written: {e.Message}", "name another folder by --data-dir, or run as root");
        }
    }

    public static async Task<CheckResult> RuntimeAsync(string endpoint, Func<string, CancellationToken, Task<string>>? version, CancellationToken cancellationToken)
    {
        const string name = "runtime";
        const string install = "install and start a container runtime (apt-get install containerd; systemctl enable --now containerd), or name its socket by --remote-runtime-endpoint";
        var path = endpoint["unix://".Length..];
        if (!File.Exists(path))
        {
            return CheckResult.Failed(name, $"{path} is not there", install);
        }

        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(s_timeout);
        try
        {
            using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), timeout.Token);
            }
        }
        catch (SocketException e)
        {
            return CheckResult.Failed(name, $"{path} cannot be reached: {e.Message}", e.SocketErrorCode == SocketError.AccessDenied ? "run as root" : install);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return CheckResult.Failed(name, $"{path} does not take connections", "see the runtime's log (journalctl -u containerd)");
        }

        return version is null
            ? CheckResult.Ok(name, $"{path} takes connections")
            : await AskVersionAsync(name, endpoint, version, cancellationToken);
    }

    /// <summary>Pods run without a broker; only devices need one.</summary>
    public static async Task<CheckResult> BrokerAsync(string server, CancellationToken cancellationToken)
    {
        const string name = "mqtt broker";
        const string mend = "devices need one: apt-get install mosquitto, or name another by --mqtt-server; joining goes on without";
        var uri = new Uri(server);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(s_timeout);
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(uri.Host, uri.Port, timeout.Token);
            return CheckResult.Ok(name, $"{server} takes connections");
        }
        catch (SocketException e)
        {
            return CheckResult.Warning(name, $"{server} cannot be reached: {e.Message}", mend);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return CheckResult.Warning(name, $"{server} does not take connections", mend);
        }
    }

    private static async Task<CheckResult> AskVersionAsync(
        string name, string endpoint, Func<string, CancellationToken, Task<string>> version, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(s_timeout);
        try
        {
            return CheckResult.Ok(name, $"{await version(endpoint, timeout.Token)} at {endpoint}");
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // whatever the client of the runtime's API throws, it comes to this
            var cause = timeout.IsCancellationRequested ? $"no answer within {s_timeout.TotalSeconds:0} s" : e.Message;
            return CheckResult.Failed(
                name,
                $"{endpoint} takes connections and does not speak CRI v1: {cause}",
                "with containerd, look in /etc/containerd/config.toml: \"cri\" must not stand in disabled_plugins; then systemctl restart containerd");
        }
    }
}
