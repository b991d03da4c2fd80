using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Http.Features;

namespace EdgeSync.CloudCore.EmbeddedApi.InProcess;

/// <summary>
/// One request and its answer: the features that the web server gives an <see cref="HttpContext"/>, over memory. The answer's body is a
/// pipe, so a long one waits for its reader as it would for a socket. It ends itself when the request is through.
/// </summary>
internal sealed class InProcessExchange : IHttpRequestFeature, IRequestBodyPipeFeature, IHttpResponseFeature,
    IHttpResponseBodyFeature, IHttpRequestLifetimeFeature, IDisposable
{
    private static readonly PipeOptions s_pipe = new(useSynchronizationContext: false);
    private static readonly IHttpConnectionFeature s_connection =
        new HttpConnectionFeature { RemoteIpAddress = IPAddress.Loopback, LocalIpAddress = IPAddress.Loopback };

    private readonly FeatureCollection _features = new(initialCapacity: 8);
    private readonly Pipe _body = new(s_pipe);
    private readonly CancellationTokenSource _aborted = new();
    private readonly TaskCompletionSource _answered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _through;

    public InProcessExchange(HttpRequestMessage request, byte[] body, ITlsConnectionFeature identity)
    {
        var uri = request.RequestUri!;
        Method = request.Method.Method;
        Path = PathString.FromUriComponent(uri.AbsolutePath).Value ?? "";
        QueryString = uri.Query;
        foreach (var (name, values) in request.Headers.NonValidated)
        {
            Headers[name] = values.ToString();
        }

        foreach (var (name, values) in request.Content?.Headers.NonValidated ?? default)
        {
            Headers[name] = values.ToString();
        }

        Headers.ContentLength = body.Length;
        Reader = PipeReader.Create(new ReadOnlySequence<byte>(body));
        Writer = new AnsweringWriter(this, _body.Writer);
        RequestAborted = _aborted.Token;
        _features.Set<IHttpRequestFeature>(this);
        _features.Set<IRequestBodyPipeFeature>(this);
        _features.Set<IHttpResponseFeature>(this);
        _features.Set<IHttpResponseBodyFeature>(this);
        _features.Set<IHttpRequestLifetimeFeature>(this);
        _features.Set(identity);
        _features.Set(s_connection);
    }

    public string Protocol { get; set; } = HttpProtocol.Http2;

    public string Scheme { get; set; } = "https";

    public string Method { get; set; }

    public string PathBase { get; set; } = "";

    public string Path { get; set; }

    public string QueryString { get; set; }

    public string RawTarget { get; set; } = "";

    public IHeaderDictionary Headers { get; set; } = new HeaderDictionary();

    public PipeReader Reader { get; }

    Stream IHttpRequestFeature.Body
    {
        get => Reader.AsStream();
        set => throw new NotSupportedException();
    }

    public int StatusCode { get; set; } = StatusCodes.Status200OK;

    public string? ReasonPhrase { get; set; }

    IHeaderDictionary IHttpResponseFeature.Headers { get; set; } = new HeaderDictionary();

    Stream IHttpResponseFeature.Body
    {
        get => Writer.AsStream();
        set => throw new NotSupportedException();
    }

    public bool HasStarted => _answered.Task.IsCompleted;

    public PipeWriter Writer { get; }

    public Stream Stream => Writer.AsStream();

    public CancellationToken RequestAborted { get; set; }

    /// <summary>Has the request answered, on the caller's thread as far as nothing is waited for.</summary>
    /// <param name="serve">Answers it.</param>
    /// <param name="place">Given back when it is through; null for none.</param>
    public void Start(Func<HttpContext, Task> serve, SemaphoreSlim? place) => Completion = RunAsync(serve, place);

    /// <summary>When the request is through, its body included; never fails.</summary>
    public Task Completion { get; private set; } = Task.CompletedTask;

    /// <summary>The answer, as soon as its head is there.</summary>
    /// <exception cref="HttpRequestException">The request was cut before.</exception>
    public async Task<HttpResponseMessage> AnswerAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        await _answered.Task.WaitAsync(cancellationToken);
        var answer = new HttpResponseMessage((HttpStatusCode)StatusCode)
        {
            RequestMessage = request,
            Version = HttpVersion.Version20,
            Content = new BodyContent(this),
        };
        foreach (var (name, values) in ((IHttpResponseFeature)this).Headers)
        {
            if (!answer.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                answer.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        return answer;
    }

    public void Abort()
    {
        if (Volatile.Read(ref _through))
        {
            return;
        }

        try
        {
            _aborted.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // through meanwhile
        }
    }

    public void OnStarting(Func<object, Task> callback, object state) => throw new NotSupportedException();

    public void OnCompleted(Func<object, Task> callback, object state) => throw new NotSupportedException();

    public void DisableBuffering()
    {
        // nothing is held back
    }

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _answered.TrySetResult();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        Volatile.Write(ref _through, true);
        _aborted.Dispose();
    }

    public async Task CompleteAsync() => await Writer.CompleteAsync();

    private async Task RunAsync(Func<HttpContext, Task> serve, SemaphoreSlim? place)
    {
        Exception? failure = null;
        try
        {
            await serve(new DefaultHttpContext(_features));
            if (_aborted.IsCancellationRequested)
            {
                failure = new HttpIOException(HttpRequestError.ResponseEnded, "the answer was cut");
            }
        }
        // the end of the request, as the web server's: whatever it was, the caller is told by its answer or the end of it
        catch (Exception e)
        {
            failure = new HttpIOException(HttpRequestError.ResponseEnded, e.Message, e);
        }

        await _body.Writer.CompleteAsync(failure);
        if (failure is null)
        {
            _answered.TrySetResult();
        }
        else
        {
            _answered.TrySetException(failure);
        }

        place?.Release();
        Dispose();
    }

    /// <summary>The answer's body; its end is the end of the request too.</summary>
    private sealed class BodyContent(InProcessExchange exchange) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => exchange._body.Reader.CopyToAsync(stream);

        protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult(exchange._body.Reader.AsStream());

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                exchange.Abort();
                exchange._body.Reader.Complete();
            }

            base.Dispose(disposing);
        }
    }

    /// <summary>The body's writer; the head is out with the first bytes.</summary>
    private sealed class AnsweringWriter(InProcessExchange exchange, PipeWriter inner) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => true;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            exchange._answered.TrySetResult();
            return inner.FlushAsync(cancellationToken);
        }

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            exchange._answered.TrySetResult();
            return inner.WriteAsync(source, cancellationToken);
        }
    }
}
