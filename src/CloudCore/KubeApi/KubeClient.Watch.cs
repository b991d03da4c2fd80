using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.KubeApi;

/// <content>Watches: one long answer, one JSON document a line.</content>
internal sealed partial class KubeClient
{
    // A watch ends by itself after a time drawn from this range, so that thousands of them do not come back together.
    private const int MinWatchSeconds = 300;
    private const int MaxWatchSeconds = 600;

    // API servers send a bookmark about every minute. Longer silence than this is a half-open connection or a
    // server without bookmarks; both are answered by a new watch from the last version, which costs one request.
    private static readonly TimeSpan s_watchIdle = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_watchStart = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Changes after <see cref="ListOptions.ResourceVersion"/>, until the server ends the watch (every 5 to 10 minutes)
    /// or nothing was heard for 3 minutes; then the enumeration ends, and the caller goes on from the last version.
    /// </summary>
    /// <exception cref="ApiException">Cut, refused, or an error sent within the watch (<see cref="ApiException.IsGone"/>: list anew).</exception>
    public async IAsyncEnumerable<WatchEvent> WatchAsync(
        ApiResource r, string? ns, ListOptions options, [EnumeratorCancellation] CancellationToken ct)
    {
        var path = r.CollectionPath(ns) + options.Query(watchSeconds: Random.Shared.Next(MinWatchSeconds, MaxWatchSeconds + 1));
        var what = $"WATCH {path}";
        using var idle = new CancellationTokenSource(s_watchStart, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, idle.Token);
        using var response = await StartWatchAsync(what, path, options.MetadataOnly ? MetadataForm : null, linked.Token, ct);
        var lines = PipeReader.Create(await response.Content.ReadAsStreamAsync(linked.Token));
        try
        {
            while (true)
            {
                idle.CancelAfter(s_watchIdle);
                if (await ReadChunkAsync(lines, what, linked.Token, ct) is not { } chunk)
                {
                    yield break;
                }

                var rest = chunk.Buffer;
                while (TryTakeLine(ref rest, out var line))
                {
                    if (ParseEvent(what, line) is { } change)
                    {
                        yield return change;
                    }
                }

                lines.AdvanceTo(rest.Start, rest.End);
                ThrowIfTooLong(what, rest.Length);
                if (chunk.IsCompleted)
                {
                    yield break;
                }
            }
        }
        finally
        {
            await lines.CompleteAsync();
        }
    }

    private async Task<HttpResponseMessage> StartWatchAsync(
        string what, string path, string? form, CancellationToken linked, CancellationToken ct)
    {
        try
        {
            using var request = NewRequest(HttpMethod.Get, path, form);
            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, linked);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                throw await ReadErrorAsync(what, response, linked);
            }
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw ApiException.Unreachable(what, $"no answer within {s_watchStart.TotalSeconds:0} s", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw ApiException.Unreachable(what, Describe(e), e);
        }
    }

    // null: silent for too long
    private static async Task<ReadResult?> ReadChunkAsync(PipeReader lines, string what, CancellationToken linked, CancellationToken ct)
    {
        try
        {
            return await lines.ReadAsync(linked);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw ApiException.Unreachable(what, Describe(e), e);
        }
    }

    private static bool TryTakeLine(ref ReadOnlySequence<byte> rest, out ReadOnlySequence<byte> line)
    {
        if (rest.PositionOf((byte)'\n') is not { } end)
        {
            line = default;
            return false;
        }

        line = rest.Slice(0, end);
        rest = rest.Slice(rest.GetPosition(1, end));
        return true;
    }

    private static void ThrowIfTooLong(string what, long length)
    {
        if (length > MaxObjectBytes)
        {
            throw ApiException.Unreachable(what, $"a watch event is larger than {MaxObjectBytes} bytes", null);
        }
    }

    private static WatchEvent? ParseEvent(string what, ReadOnlySequence<byte> line)
    {
        ThrowIfTooLong(what, line.Length);
        if (line.IsEmpty)
        {
            return null;
        }

        try
        {
            var (type, json) = KubeListReader.ReadWatchLine(line.IsSingleSegment ? line.FirstSpan : line.ToArray());
            return type switch
            {
                "ADDED" => new WatchEvent(WatchEventType.Added, KubeObject.Parse(json)),
                "MODIFIED" => new WatchEvent(WatchEventType.Modified, KubeObject.Parse(json)),
                "DELETED" => new WatchEvent(WatchEventType.Deleted, KubeObject.Parse(json)),
                "BOOKMARK" => new WatchEvent(WatchEventType.Bookmark, KubeObject.Parse(json)),
                "ERROR" => throw new ApiException(what, ReadStatus(json)),
                // a type of a later Kubernetes: nothing that the four above do not say
                _ => null,
            };
        }
        catch (KubeObjectException e)
        {
            throw ApiException.Unreachable(what, e.Message, e);
        }
    }

    private static Status ReadStatus(byte[] json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, KubernetesJson.Default.Status) ?? new Status { Code = 500 };
        }
        catch (JsonException)
        {
            return new Status { Code = 500, Message = "the watch ended with an error that is not a Status" };
        }
    }
}
