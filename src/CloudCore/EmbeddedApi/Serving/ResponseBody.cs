using System.IO.Compression;
using System.IO.Pipelines;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>
/// Where the body of one answer is written to: the response itself, or, where the answer is large and the client takes
/// it, gzip. Disposed before the answer ends, so that the last compressed bytes are in it.
/// </summary>
internal sealed class ResponseBody : IAsyncDisposable
{
    // kube-apiserver's: below it, compressing costs more than the bytes it saves
    private const long CompressFrom = 128 * 1024;

    private readonly GZipStream? _gzip;

    private ResponseBody(PipeWriter writer, GZipStream? gzip)
    {
        Writer = writer;
        _gzip = gzip;
    }

    public PipeWriter Writer { get; }

    /// <summary>Whether an answer of so many bytes is compressed; says so in the headers, and that caches mind the question.</summary>
    public static ResponseBody Open(HttpContext context, long size)
    {
        var response = context.Response;
        if (size < CompressFrom || !Accepts(context.Request))
        {
            return new ResponseBody(response.BodyWriter, null);
        }

        response.Headers.ContentEncoding = "gzip";
        response.Headers.Vary = "Accept-Encoding";
        var gzip = new GZipStream(response.Body, CompressionLevel.Fastest, leaveOpen: true);
        return new ResponseBody(PipeWriter.Create(gzip, new StreamPipeWriterOptions(leaveOpen: true)), gzip);
    }

    public async ValueTask DisposeAsync()
    {
        if (_gzip is not null)
        {
            await Writer.CompleteAsync();
            await _gzip.DisposeAsync();
        }
    }

    private static bool Accepts(HttpRequest request)
    {
        foreach (var part in request.Headers.AcceptEncoding.ToString().Split(','))
        {
            var words = part.Split(';', StringSplitOptions.TrimEntries);
            if (words[0].Trim() == "gzip")
            {
                return !words.AsSpan(1).Contains("q=0");
            }
        }

        return false;
    }
}
