using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Commands;

/// <summary>Asks the cloudcore that runs on a data folder, over its socket.</summary>
internal static class HubQuestion
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    /// <exception cref="CommandFailedException">No hub answers there, or it answers with an error.</exception>
    public static async Task<T> AskAsync<T>(string dataDir, string pathAndQuery, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        var files = new CloudFiles(Path.GetFullPath(dataDir));
        if (!File.Exists(files.Config))
        {
            throw new CommandFailedException($"{files.DataDir} is not a hub's data folder (there is no {Path.GetFileName(files.Config)}); name it with --data-dir");
        }

        using var handler = new SocketsHttpHandler { ConnectCallback = (_, token) => ConnectAsync(files, token) };
        using var client = new HttpClient(handler) { Timeout = s_timeout };
        try
        {
            using var response = await client.GetAsync(new Uri("http://cloudcore" + pathAndQuery), cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                throw new CommandFailedException(await response.Content.ReadAsStringAsync(cancellationToken));
            }

            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            return await JsonSerializer.DeserializeAsync(body, type, cancellationToken)
                ?? throw new CommandFailedException("the hub answered nothing");
        }
        catch (HttpRequestException e)
        {
            throw new CommandFailedException(Explain(files, e));
        }
        catch (JsonException e)
        {
            throw new CommandFailedException($"the hub's answer cannot be read ({e.Message}); another version of cloudcore may run there");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CommandFailedException($"the cloudcore on {files.DataDir} did not answer within {s_timeout.TotalSeconds:0} s");
        }
    }

    private static async ValueTask<Stream> ConnectAsync(CloudFiles files, CancellationToken cancellationToken)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(files.AdminSocket), cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static string Explain(CloudFiles files, HttpRequestException e) => e.GetBaseException() switch
    {
        SocketException { SocketErrorCode: SocketError.AccessDenied } =>
            $"{files.AdminSocket} may only be opened by the user that cloudcore runs as (root): sudo",
        SocketException => $"no cloudcore runs on {files.DataDir}; start it: cloudcore run --data-dir {files.DataDir}",
        var other => $"the cloudcore on {files.DataDir} broke off: {other.Message}",
    };
}
