namespace EdgeSync.CloudCore.KubeApi;

/// <summary>The token of a kubeconfig; one in a file is read again every minute, as it is rotated there.</summary>
internal sealed class BearerToken(KubeConfig config, TimeProvider time)
{
    private static readonly TimeSpan s_refresh = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private string? _fromFile;
    private DateTimeOffset _readAt = DateTimeOffset.MinValue;

    public string? Read()
    {
        if (config.TokenFile is null)
        {
            return config.Token;
        }

        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (now - _readAt >= s_refresh)
            {
                _readAt = now;
                try
                {
                    _fromFile = File.ReadAllText(config.TokenFile).Trim();
                }
                catch (IOException) when (_fromFile is not null)
                {
                    // being replaced just now: the old token serves until the next look
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    throw ApiException.Unreachable("authentication", $"cannot read the token file {config.TokenFile}: {e.Message}", e);
                }
            }

            return _fromFile;
        }
    }
}
