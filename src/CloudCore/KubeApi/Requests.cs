using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>What a list or watch is narrowed to, and from where a watch goes on.</summary>
internal sealed record ListOptions
{
    public string? LabelSelector { get; init; }

    public string? FieldSelector { get; init; }

    /// <summary>For a watch: the version after which changes are wanted. A list leaves it unset and reads the newest state.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Whether only kind, version and metadata are wanted: for a collection of large objects a small part.</summary>
    public bool MetadataOnly { get; init; }

    /// <summary>Objects in one page of a list; the client follows the pages.</summary>
    public int PageSize { get; init; } = 500;

    /// <summary>The query string of one request, with its question mark, or empty.</summary>
    public string Query(int? limit = null, string? continueToken = null, int? watchSeconds = null)
    {
        var query = new StringBuilder();
        Append(query, "labelSelector", LabelSelector);
        Append(query, "fieldSelector", FieldSelector);
        Append(query, "resourceVersion", ResourceVersion);
        Append(query, "limit", limit?.ToString(CultureInfo.InvariantCulture));
        Append(query, "continue", continueToken);
        if (watchSeconds is { } seconds)
        {
            Append(query, "watch", "true");
            Append(query, "allowWatchBookmarks", "true");
            Append(query, "timeoutSeconds", seconds.ToString(CultureInfo.InvariantCulture));
        }

        return query.ToString();
    }

    private static void Append(StringBuilder query, string key, string? value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            query.Append(query.Length == 0 ? '?' : '&').Append(key).Append('=').Append(Uri.EscapeDataString(value));
        }
    }
}

/// <summary>metav1.DeleteOptions.</summary>
internal sealed record DeleteOptions
{
    /// <summary>Seconds between the stop signal and the kill; 0 removes the object at once.</summary>
    public long? GracePeriodSeconds { get; init; }

    /// <summary>Delete only this very object, not a later one of the same name.</summary>
    public string? Uid { get; init; }

    /// <summary>Delete only if the object has not changed since this version.</summary>
    public string? ResourceVersion { get; init; }

    /// <summary>Background, Foreground or Orphan.</summary>
    public string? PropagationPolicy { get; init; }

    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("apiVersion"u8, "v1"u8);
            json.WriteString("kind"u8, "DeleteOptions"u8);
            if (GracePeriodSeconds is { } grace)
            {
                json.WriteNumber("gracePeriodSeconds"u8, grace);
            }

            if (PropagationPolicy is not null)
            {
                json.WriteString("propagationPolicy"u8, PropagationPolicy);
            }

            if (Uid is not null || ResourceVersion is not null)
            {
                json.WriteStartObject("preconditions"u8);
                if (Uid is not null)
                {
                    json.WriteString("uid"u8, Uid);
                }

                if (ResourceVersion is not null)
                {
                    json.WriteString("resourceVersion"u8, ResourceVersion);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}

/// <summary>How a patch body is to be read.</summary>
internal enum PatchType
{
    /// <summary>RFC 7386.</summary>
    Merge,

    /// <summary>Kubernetes' own: lists merge by key. Not for custom resources.</summary>
    StrategicMerge,

    /// <summary>RFC 6902.</summary>
    Json,
}

/// <summary>The objects of a list, and the version at which they were all current.</summary>
internal sealed record KubeList(string ResourceVersion, IReadOnlyList<KubeObject> Items);

/// <summary>What a watch says of an object.</summary>
internal enum WatchEventType
{
    Added,
    Modified,
    Deleted,

    /// <summary>No change: the object holds only the version up to which the watch is complete.</summary>
    Bookmark,
}

/// <summary>One event of a watch. Errors within a watch are thrown as <see cref="ApiException"/>.</summary>
internal readonly record struct WatchEvent(WatchEventType Type, KubeObject Object);
