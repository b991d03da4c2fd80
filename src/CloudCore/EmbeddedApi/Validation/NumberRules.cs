using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>Numbers, percentages and addresses, as many kinds have them.</summary>
internal static class NumberRules
{
    public const string NotNegative = "must be greater than or equal to 0";
    public const string Immutable = "field is immutable";
    private const int HighestPort = 65535;

    /// <summary>Members that are 0 or more where they are given.</summary>
    public static void CheckNotNegative(JsonObject node, string field, FieldErrors errors, params ReadOnlySpan<string> members)
    {
        foreach (var member in members)
        {
            if (node.Number(member) is < 0 and var number)
            {
                errors.Invalid($"{field}.{member}", number, NotNegative);
            }
        }
    }

    /// <summary>A count, or a percentage as text; neither is negative.</summary>
    public static void CheckCountOrPercent(JsonNode? value, string field, FieldErrors errors)
    {
        if (value.AsText() is { } text)
        {
            if (Percent(text) is null)
            {
                errors.Invalid(
                    field, text, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')");
            }
        }
        else if (value is JsonValue number && number.GetValueKind() == JsonValueKind.Number && Count(number) < 0)
        {
            errors.Invalid(field, Count(number), NotNegative);
        }
    }

    public static void CheckAtMostAll(JsonNode? value, string field, FieldErrors errors)
    {
        if (value.AsText() is { } text && Percent(text) > 100)
        {
            errors.Invalid(field, text, "must not be greater than 100%");
        }
    }

    /// <summary>Whether the value says that there is none: 0 or 0%.</summary>
    public static bool IsNone(JsonNode? value) =>
        value is null || (value.AsText() is { } text ? Percent(text) == 0 : value is JsonValue number && Count(number) == 0);

    public static void CheckPort(long number, string field, FieldErrors errors)
    {
        if (number is < 1 or > HighestPort)
        {
            errors.Invalid(field, number, "must be between 1 and 65535, inclusive");
        }
    }

    /// <summary>A port by its number or its name.</summary>
    public static void CheckPort(JsonNode? value, string field, FieldErrors errors)
    {
        if (value.AsText() is not { } name)
        {
            CheckPort(value is JsonValue number && number.GetValueKind() == JsonValueKind.Number ? Count(number) : 0, field, errors);
            return;
        }

        foreach (var why in NameRules.PortName(name))
        {
            errors.Invalid(field, name, why);
        }
    }

    /// <summary>An address in the usual notation; leading zeros, of which nobody knows whether they are octal, are none.</summary>
    public static bool CheckAddress(string text, string field, FieldErrors errors)
    {
        if (IsAddress(text))
        {
            return true;
        }

        errors.Invalid(field, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        return false;
    }

    /// <summary>An address that traffic of others can be for.</summary>
    public static void CheckRoutable(string text, string field, FieldErrors errors)
    {
        if (!CheckAddress(text, field, errors))
        {
            return;
        }

        var address = IPAddress.Parse(text);
        if (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))
        {
            errors.Invalid(field, text, "may not be unspecified (0.0.0.0 or ::)");
        }

        if (IPAddress.IsLoopback(address))
        {
            errors.Invalid(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
        }

        var bytes = address.GetAddressBytes();
        if (bytes is [169, 254, _, _] || address.IsIPv6LinkLocal)
        {
            errors.Invalid(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
        }

        if (bytes is [224, 0, 0, _])
        {
            errors.Invalid(field, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
        }
    }

    public static bool IsAddress(string text) =>
        IPAddress.TryParse(text, out var address)
        && (address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6
            ? !text.Contains('%', StringComparison.Ordinal) && !text.Contains('[', StringComparison.Ordinal)
            : address.ToString() == text);

    private static int? Percent(string text) =>
        text.Length is > 1 and < 12 && text[^1] == '%' && text[..^1].All(char.IsAsciiDigit)
        && int.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    private static long Count(JsonValue number) =>
        number.TryGetValue<long>(out var wide) ? wide : number.TryGetValue<int>(out var narrow) ? narrow : 0;
}
