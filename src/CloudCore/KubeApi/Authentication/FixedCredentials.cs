namespace EdgeSync.CloudCore.KubeApi.Authentication;

/// <summary>
/// What a kubeconfig holds or names: a client certificate, a token. A token in a file is read again every minute, as it is rotated
/// there, and at once when the API refuses it.
/// </summary>
internal sealed class FixedCredentials(KubeConfig config, TimeProvider time) : ICredentials
{
    // a service account's token is some KB
    private const int MaxTokenBytes = 1024 * 1024;

    private static readonly TimeSpan s_refresh = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private Credential? _last;
    private DateTimeOffset _readAt = DateTimeOffset.MinValue;

    public ValueTask<Credential> GetAsync(CancellationToken ct)
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (_last is null || (config.TokenFile is not null && now - _readAt >= s_refresh))
            {
                _readAt = now;
                var token = config.TokenFile is { } file ? ReadToken(file) ?? _last?.Token : config.Token;
                if (_last is null || token != _last.Token)
                {
                    _last = new Credential { Token = token, Certificate = config.ClientCertificate, Chain = config.ClientCertificateChain };
                }
            }

            return ValueTask.FromResult(_last);
        }
    }

    public bool IsRefused(Credential credential)
    {
        lock (_gate)
        {
            if (config.TokenFile is not { } file || credential != _last)
            {
                return config.TokenFile is not null;
            }

            if (ReadToken(file) is not { } token || token == credential.Token)
            {
                return false;
            }

            _readAt = DateTimeOffset.MinValue;
            return true;
        }
    }

    // null: it is being replaced just now, and the token from before serves until the next look
    private string? ReadToken(string file)
    {
        try
        {
            if (new FileInfo(file) is { Exists: true, Length: > MaxTokenBytes })
            {
                throw ApiException.Unreachable("authentication", $"the token file {file} is larger than {MaxTokenBytes} bytes", null);
            }

            return File.ReadAllText(file).Trim() is { Length: > 0 } token
                ? token
                : _last is null ? throw ApiException.Unreachable("authentication", $"the token file {file} is empty", null) : null;
        }
        catch (IOException) when (_last is not null)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ApiException.Unreachable("authentication", $"cannot read the token file {file}: {e.Message}", e);
        }
    }
}
