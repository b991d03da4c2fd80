using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>How a pod finds hosts by their names.</summary>
internal static partial class ResolverRules
{
    private const int MostServers = 3;
    private const int MostSearches = 32;
    private const int LongestSearchList = 2048;
    private const int LongestSearch = 253;

    /// <summary>Member <c>dnsConfig</c> of a pod spec.</summary>
    public static void CheckConfig(JsonObject spec, string field, FieldErrors errors)
    {
        var config = spec.Object("dnsConfig");
        if (spec.Text("dnsPolicy") == "None")
        {
            if (config is null)
            {
                errors.Required(field, "must provide `dnsConfig` when `dnsPolicy` is None");
                return;
            }

            if (config.List("nameservers") is null or { Count: 0 })
            {
                errors.Required($"{field}.nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None");
                return;
            }
        }

        if (config is null)
        {
            return;
        }

        var servers = Texts(config, "nameservers");
        if (servers.Count > MostServers)
        {
            errors.Invalid($"{field}.nameservers", config["nameservers"], $"must not have more than {MostServers} nameservers");
        }

        for (var i = 0; i < servers.Count; i++)
        {
            NumberRules.CheckAddress(servers[i], FormattableString.Invariant($"{field}.nameservers[{i}]"), errors);
        }

        CheckSearches(config, $"{field}.searches", errors);
        var index = 0;
        foreach (var option in config.Objects("options"))
        {
            var at = FormattableString.Invariant($"{field}.options[{index++}]");
            if (string.IsNullOrEmpty(option.Text("name")))
            {
                errors.Required(at, "must not be empty");
            }
        }
    }

    /// <summary>Member <c>hostAliases</c> of a pod spec.</summary>
    public static void CheckHostAliases(JsonObject spec, string field, FieldErrors errors)
    {
        var index = 0;
        foreach (var alias in spec.Objects("hostAliases"))
        {
            var at = FormattableString.Invariant($"{field}[{index++}]");
            NumberRules.CheckAddress(alias.Text("ip") ?? "", $"{at}.ip", errors);
            var names = Texts(alias, "hostnames");
            for (var i = 0; i < names.Count; i++)
            {
                if (NameRules.Subdomain(names[i]) is { } why)
                {
                    errors.Invalid(FormattableString.Invariant($"{at}.hostnames[{i}]"), names[i], why);
                }
            }
        }
    }

    private static void CheckSearches(JsonObject config, string field, FieldErrors errors)
    {
        var searches = Texts(config, "searches");
        if (searches.Count > MostSearches)
        {
            errors.Invalid(field, config["searches"], $"must not have more than {MostSearches} search paths");
        }

        if (string.Join(' ', searches).Length > LongestSearchList)
        {
            errors.Invalid(field, config["searches"], $"must not have more than {LongestSearchList} characters (including spaces) in the search list");
        }

        for (var i = 0; i < searches.Count; i++)
        {
            // since 1.32 a search may be the root, and have underscores, as names of services have
            var search = searches[i].EndsWith('.') ? searches[i][..^1] : searches[i];
            if (searches[i] != "." && (search.Length > LongestSearch || !Search().IsMatch(search)))
            {
                errors.Invalid(
                    FormattableString.Invariant($"{field}[{i}]"), search, search.Length > LongestSearch
                        ? $"must be no more than {LongestSearch} characters"
                        : "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*')");
            }
        }
    }

    private static List<string> Texts(JsonObject node, string member) => [.. (node.List(member) ?? []).Select(v => v.AsText() ?? "")];

    [GeneratedRegex("^[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*\\z", RegexOptions.CultureInvariant)]
    private static partial Regex Search();
}
