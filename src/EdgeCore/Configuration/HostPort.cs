using System.Globalization;

namespace EdgeSync.EdgeCore.Configuration;

/// <summary>Where something listens: a host (DNS name or IP, without brackets) and a port.</summary>
internal readonly record struct HostPort(string Host, int Port)
{
    /// <summary>Reads <c>HOST:PORT</c>, <c>[IPV6]:PORT</c> and, with a default port, each without port.</summary>
    public static bool TryParse(string text, int? defaultPort, out HostPort result)
    {
        result = default;
        var host = text;
        var port = defaultPort;
        var colon = text.LastIndexOf(':');
        var bracket = text.LastIndexOf(']');
        if (colon > bracket && (bracket >= 0 || text.IndexOf(':', StringComparison.Ordinal) == colon))
        {
            if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            port = number;
            host = text[..colon];
        }

        if (host is ['[', .., ']'])
        {
            host = host[1..^1];
        }

        if (port is null or < 1 or > 65535 || Uri.CheckHostName(host) == UriHostNameType.Unknown)
        {
            return false;
        }

        result = new HostPort(host, port.Value);
        return true;
    }

    public override string ToString() =>
        (Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:" : $"{Host}:") + Port.ToString(CultureInfo.InvariantCulture);
}
