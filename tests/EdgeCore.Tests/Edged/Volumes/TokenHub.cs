using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.EdgeCore.Edged.Volumes;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.EdgeCore.Tests.Edged.Volumes;

/// <summary>The other end of requests for tokens: gives token-1, token-2, … by its own clock, refuses, or is not there.</summary>
internal sealed class TokenHub
{
    // far from the box's clock: only the hub's own may count
    private static readonly DateTimeOffset s_clock = new(2001, 2, 3, 4, 5, 6, TimeSpan.Zero);

    private readonly Lock _gate = new();
    private readonly List<string> _asked = [];

    public TimeSpan Lifetime { get; set; } = TimeSpan.FromHours(1);

    public bool IsLinked { get; set; } = true;

    /// <summary>Why no token is given; empty where it is.</summary>
    public string Refusal { get; set; } = "";

    /// <summary>The pods that were asked for, in order.</summary>
    public IReadOnlyList<string> Asked
    {
        get
        {
            lock (_gate)
            {
                return [.. _asked];
            }
        }
    }

    public Task<TokenAnswer?> QueryAsync(ObjectKey account, ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        if (!IsLinked)
        {
            return Task.FromResult<TokenAnswer?>(null);
        }

        if (Refusal.Length > 0)
        {
            return Task.FromResult<TokenAnswer?>(new TokenAnswer(default, 0, Refusal));
        }

        var asked = JsonNode.Parse(request.Span)!;
        int number;
        lock (_gate)
        {
            _asked.Add((string)asked["spec"]!["boundObjectRef"]!["name"]!);
            number = _asked.Count;
        }

        asked["status"] = new JsonObject
        {
            ["token"] = $"token-{number}",
            ["expirationTimestamp"] = (s_clock + Lifetime).ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
        };
        return Task.FromResult<TokenAnswer?>(new TokenAnswer(Encoding.UTF8.GetBytes(asked.ToJsonString()), s_clock.ToUnixTimeMilliseconds(), ""));
    }
}
