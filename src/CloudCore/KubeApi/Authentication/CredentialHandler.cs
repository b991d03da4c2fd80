using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;

namespace EdgeSync.CloudCore.KubeApi.Authentication;

/// <summary>
/// Puts a client's credential on each request. A request that is answered 401 is sent once more where there is another credential
/// by then. A new client certificate means new connections; those of the one before serve what is on them and are closed when the
/// next one comes. Lives as long as its client.
/// </summary>
/// <param name="credentials">Where the credential comes from.</param>
/// <param name="connect">Makes the transport that shows a certificate; called again for each new one.</param>
internal sealed class CredentialHandler(ICredentials credentials, Func<Credential, HttpMessageHandler> connect) : HttpMessageHandler
{
    private readonly Lock _gate = new();
    private Connections? _current; // guarded by _gate
    private Connections? _before; // guarded by _gate

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var credential = await credentials.GetAsync(cancellationToken);
        var response = await SendAsync(request, credential, cancellationToken);
        if (response.StatusCode != HttpStatusCode.Unauthorized || !credentials.IsRefused(credential))
        {
            return response;
        }

        // a body is bytes in memory here, which can be sent again
        response.Dispose();
        return await SendAsync(request, await credentials.GetAsync(cancellationToken), cancellationToken);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            lock (_gate)
            {
                _before?.Invoker.Dispose();
                _current?.Invoker.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, Credential credential, CancellationToken cancellationToken)
    {
        request.Headers.Authorization = credential.Token is { } token ? new AuthenticationHeaderValue("Bearer", token) : null;
        return InvokerFor(credential).SendAsync(request, cancellationToken);
    }

    private HttpMessageInvoker InvokerFor(Credential credential)
    {
        lock (_gate)
        {
            if (_current is null || _current.Certificate?.Thumbprint != credential.Certificate?.Thumbprint)
            {
                _before?.Invoker.Dispose();
                _before = _current;
                _current = new Connections(credential.Certificate, new HttpMessageInvoker(connect(credential)));
            }

            return _current.Invoker;
        }
    }

    private sealed record Connections(X509Certificate2? Certificate, HttpMessageInvoker Invoker);
}
