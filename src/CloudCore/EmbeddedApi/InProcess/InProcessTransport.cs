using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Http.Features;

namespace EdgeSync.CloudCore.EmbeddedApi.InProcess;

/// <summary>
/// Carries the requests of this program's own client to the API in the same process: no socket, no TLS, no HTTP frames, which
/// would cost more than the work on the objects. The API sees what it sees of any other caller, with its certificate, and answers
/// the same bytes. One for each client; safe to be used at once.
/// </summary>
/// <param name="serve">Answers a request, as the web server would have it answered.</param>
/// <param name="certificate">Who the client is.</param>
internal sealed class InProcessTransport(Func<HttpContext, Task> serve, X509Certificate2 certificate) : HttpMessageHandler
{
    // Each request that is worked on holds trees of its object. A fleet that comes back has thousands at once; more than this
    // many do not share a commit any better. A watch is not counted: it lasts.
    private const int MostAtOnce = 128;

    private readonly SemaphoreSlim _places = new(MostAtOnce);
    private readonly ITlsConnectionFeature _identity = new TlsConnectionFeature { ClientCertificate = certificate };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var body = request.Content is null ? [] : await request.Content.ReadAsByteArrayAsync(cancellationToken);
        var exchange = new InProcessExchange(request, body, _identity);
        if (request.RequestUri!.Query.Contains("watch=true", StringComparison.Ordinal))
        {
            exchange.Start(serve, null);
        }
        else
        {
            await _places.WaitAsync(cancellationToken);
            exchange.Start(serve, _places);
        }

        // a caller that goes away ends the request; once there is an answer, the end of its content does
        await using var abort = cancellationToken.UnsafeRegister(static e => ((InProcessExchange)e!).Abort(), exchange);
        return await exchange.AnswerAsync(request, cancellationToken);
    }
}
