using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.KubeApi.Authentication;

/// <summary>
/// Credentials of an exec plugin. It is run without a shell when a request needs a credential, one run at a time; what it gives is kept
/// until it expires or the API refuses it. A plugin that fails is left alone for a while, so that the hub's loops do not
/// start it all the time.
/// </summary>
internal sealed class ExecCredentials : ICredentials, IDisposable
{
    private const int MaxAnswerBytes = 1024 * 1024;
    private const int MaxErrorCharacters = 500;

    // a plugin may ask its service a few times
    private static readonly TimeSpan s_runLimit = TimeSpan.FromSeconds(60);

    // what was given a moment ago and is refused already is hardly mended by the next run
    private static readonly TimeSpan s_shortestStay = TimeSpan.FromSeconds(5);
    private static readonly Backoff s_afterFailure = new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30));

    private readonly ExecPlugin _plugin;
    private readonly TimeProvider _time;
    private readonly TimeSpan _runLimit;
    private readonly SemaphoreSlim _running = new(1);

    // written by whoever holds _running; read by all
    private volatile Given? _given;
    private volatile Failure? _failure;

    public ExecCredentials(ExecPlugin plugin, TimeProvider time, TimeSpan? runLimit = null)
    {
        _plugin = plugin;
        _time = time;
        _runLimit = runLimit ?? s_runLimit;
    }

    public async ValueTask<Credential> GetAsync(CancellationToken ct)
    {
        if (Current() is { } current)
        {
            return current;
        }

        await _running.WaitAsync(ct);
        try
        {
            if (Current() is { } meanwhile)
            {
                return meanwhile;
            }

            if (_failure is { } failure && _time.GetTimestamp() < failure.Until)
            {
                throw ApiException.Unreachable("authentication", failure.Text, null);
            }

            var (credential, expires) = await RunAsync(ct);
            (_failure, _given) = (null, new Given(credential, expires, _time.GetTimestamp()));
            return credential;
        }
        catch (ExecPluginException e)
        {
            var count = (_failure?.Count ?? 0) + 1;
            var wait = s_afterFailure.After(count);
            _failure = new Failure(e.Message, count, _time.GetTimestamp() + (long)(wait.TotalSeconds * _time.TimestampFrequency));
            throw ApiException.Unreachable("authentication", e.Message, e);
        }
        finally
        {
            _running.Release();
        }
    }

    public bool IsRefused(Credential credential)
    {
        if (_given is not { } given || given.Credential != credential)
        {
            return true; // another one has been given meanwhile
        }

        if (_time.GetElapsedTime(given.At) < s_shortestStay)
        {
            return false;
        }

        given.IsRefused = true;
        return true;
    }

    public void Dispose() => _running.Dispose();

    private Credential? Current() =>
        _given is { IsRefused: false } given && (given.Expires is not { } expires || _time.GetUtcNow() < expires) ? given.Credential : null;

    private async Task<(Credential, DateTimeOffset?)> RunAsync(CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(_runLimit, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        using var process = Start();
        try
        {
            process.StandardInput.Close();
            var errors = ReadErrorsAsync(process.StandardError, linked.Token);
            var answer = await ReadAnswerAsync(process.StandardOutput.BaseStream, linked.Token);
            await process.WaitForExitAsync(linked.Token);
            return process.ExitCode == 0
                ? ExecCredentialAnswer.Read(answer, _plugin.ApiVersion)
                : throw new ExecPluginException($"it ended with exit code {process.ExitCode}: {await errors}");
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new ExecPluginException($"exec plugin {_plugin.Command}: no answer within {_runLimit.TotalSeconds:0.#} s");
        }
        catch (ExecPluginException e)
        {
            throw new ExecPluginException($"exec plugin {_plugin.Command}: {e.Message}", e);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(_plugin.Command, _plugin.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _plugin.Environment)
        {
            start.Environment[name] = value;
        }

        var spec = new JsonObject { ["interactive"] = false };
        if (_plugin.Cluster is { } cluster)
        {
            spec["cluster"] = cluster.DeepClone();
        }

        start.Environment["KUBERNETES_EXEC_INFO"] =
            new JsonObject { ["kind"] = "ExecCredential", ["apiVersion"] = _plugin.ApiVersion, ["spec"] = spec }.ToJsonString();
        try
        {
            return Process.Start(start) ?? throw new ExecPluginException($"exec plugin {_plugin.Command} did not start");
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ExecPluginException($"exec plugin {_plugin.Command} cannot be started: {e.Message}", e);
        }
    }

    private static async Task<byte[]> ReadAnswerAsync(Stream output, CancellationToken ct)
    {
        using var answer = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await output.ReadAsync(buffer, ct) is > 0 and var read)
        {
            answer.Write(buffer, 0, read);
            if (answer.Length > MaxAnswerBytes)
            {
                throw new ExecPluginException($"its answer is larger than {MaxAnswerBytes} bytes");
            }
        }

        return answer.ToArray();
    }

    // read to the end, so that the plugin is not held up; what is for people is the beginning
    private static async Task<string> ReadErrorsAsync(StreamReader errors, CancellationToken ct)
    {
        var text = new StringBuilder();
        var buffer = new char[4096];
        while (await errors.ReadAsync(buffer, ct) is > 0 and var read)
        {
            text.Append(buffer, 0, Math.Min(read, MaxErrorCharacters - text.Length));
        }

        return text.Length == 0 ? "it wrote no message" : text.ToString().ReplaceLineEndings(" ").Trim();
    }

    private sealed record Given(Credential Credential, DateTimeOffset? Expires, long At)
    {
        public volatile bool IsRefused;
    }

    private sealed record Failure(string Text, int Count, long Until);
}

/// <summary>An exec plugin gave no credential; the message says why.</summary>
internal sealed class ExecPluginException : Exception
{
    public ExecPluginException(string message)
        : base(message)
    {
    }

    public ExecPluginException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
