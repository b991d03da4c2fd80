using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSync.Protocol.Configuration;
using EdgeSync.TestKit;

namespace EdgeSync.Conformance.Tests.Running;

/// <summary>One case on one server: does the steps in order and notes each answer as a JSON tree.</summary>
internal sealed partial class CaseRun : IDisposable
{
    private const string TrustBundleName = "kube-root-ca.crt";

    private static readonly TimeSpan s_untilLimit = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan s_eventsLimit = TimeSpan.FromSeconds(15);
    private static readonly string[] s_yamlOutputs = ["-oyaml", "-o=yaml", "--output=yaml", "yaml"];

    private readonly CaseFile _case;
    private readonly ApiServer _server;
    private readonly TempFolder _folder = new();
    private readonly Normalizer _normalizer;
    private readonly Dictionary<string, string> _values = [];
    private readonly Dictionary<string, Task<JsonObject>> _background = [];
    private readonly PretendNodes _nodes;

    public CaseRun(CaseFile file, ApiServer server)
    {
        _case = file;
        _server = server;
        _normalizer = new Normalizer(server.Address, _folder.Path);
        var unique = file.Unique.Length <= 50 ? file.Unique : $"{file.Unique[..40]}-{(uint)file.Unique.Aggregate(17, (h, c) => (h * 31) + c):x8}";
        _values["ns"] = $"c-{unique}";
        _values["u"] = unique;
        _nodes = new PretendNodes(server.Client(""), _values["ns"], unique);
    }

    /// <summary>
    /// The namespace of the case on both servers, with the same in it: cloudcore puts the certificates into each that a
    /// pod needs to trust it. For kube-apiserver the controller manager does so, which the comparison runs without.
    /// </summary>
    public static async Task MakeNamespacesAsync(CaseRun ours, CaseRun kube)
    {
        await Task.WhenAll(ours.MakeNamespaceAsync(), kube.MakeNamespaceAsync());
        var bundle = await ours.TrustBundleAsync();
        var copy = new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = TrustBundleName, ["annotations"] = bundle["metadata"]!["annotations"]?.DeepClone() },
            ["data"] = bundle["data"]!.DeepClone(),
        };
        var manager = bundle["metadata"]!["managedFields"]![0]!["manager"]!.GetValue<string>();
        await kube.PostAsync($"/api/v1/namespaces/{kube._values["ns"]}/configmaps?fieldManager={manager}", copy);
    }

    /// <summary>The normalized answers, one for each step.</summary>
    public async Task<List<JsonNode>> RunAsync()
    {
        var answers = new List<JsonNode>();
        foreach (var step in _case.Steps)
        {
            answers.Add(Accept(step, await AskAsync(step)));
        }

        return answers;
    }

    /// <summary>Does a step, until what it waits for holds or its time is over; the answer as it came.</summary>
    public async Task<JsonObject> AskAsync(CaseStep step)
    {
        try
        {
            return await AnswerAsync(step);
        }
        catch (Exception e) when (e is not FormatException)
        {
            return new JsonObject { ["failed"] = $"{e.GetType().Name}: {e.Message}" };
        }
    }

    /// <summary>Keeps what later steps need of an answer; the answer in normal form.</summary>
    public JsonNode Accept(CaseStep step, JsonObject answer)
    {
        Save(step, answer);
        if (step.Has("sorted"))
        {
            SortByName(answer);
        }

        return Show(step, answer) ?? _normalizer.Normalize(answer)!;
    }

    /// <summary>As <see cref="Accept"/>, for workload cases: of a request that shows nothing the status is enough, since the cases of the API compare the rest.</summary>
    public JsonNode AcceptOutcome(CaseStep step, JsonObject answer)
    {
        var accepted = Accept(step, answer);
        return step.IsCommand || step.Has("show") || answer["status"] is null || answer["failed"] is not null
            ? accepted
            : new JsonObject { ["status"] = accepted["status"]?.DeepClone(), ["message"] = accepted["body"]?["status"]?.ToString() == "Failure" ? accepted["body"]!["message"]?.DeepClone() : null };
    }

    /// <summary>What a step with <c>@show</c> shows of an answer; null for one without.</summary>
    public JsonNode? Show(CaseStep step, JsonObject answer) => step.Directive("show") is { } fields ? _normalizer.Rows(answer, fields, step.Has("distinct")) : null;

    public void Dispose()
    {
        _nodes.Dispose();
        _folder.Dispose();
    }

    /// <summary>Makes the namespace of a workload case and waits until pods can be made in it.</summary>
    public async Task BeginWorkloadAsync()
    {
        await MakeNamespaceAsync();
        await _nodes.AccountIsReadyAsync();
    }

    /// <summary>Takes away what would be seen by the cases after this one: its nodes, its pods.</summary>
    public Task EndWorkloadAsync() => _nodes.RemoveAllAsync();

    /// <summary>The items of a list and the events of a watch by the names of their objects; what happened to one object stays in order.</summary>
    private static void SortByName(JsonObject answer)
    {
        foreach (var (owner, member) in new[] { (answer, "events"), (answer["body"] as JsonObject, "items") })
        {
            if (owner?[member] is JsonArray list)
            {
                owner[member] = new JsonArray([.. list.OrderBy(NameOf, StringComparer.Ordinal).Select(i => i?.DeepClone())]);
            }
        }
    }

    private static string NameOf(JsonNode? item) => (item?["object"] ?? item)?["metadata"]?["name"]?.ToString() ?? "";

    private Task MakeNamespaceAsync() => PostAsync("/api/v1/namespaces", new JsonObject { ["metadata"] = new JsonObject { ["name"] = _values["ns"] } });

    private async Task PostAsync(string path, JsonObject body)
    {
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await _server.Client("").PostAsync(new Uri(path, UriKind.Relative), content);
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{_server.Name}: POST {path}, before the case: {await response.Content.ReadAsStringAsync()}");
        }
    }

    private async Task<JsonNode> TrustBundleAsync()
    {
        var uri = new Uri($"/api/v1/namespaces/{_values["ns"]}/configmaps/{TrustBundleName}", UriKind.Relative);
        var deadline = DateTime.UtcNow + s_untilLimit;
        while (true)
        {
            using var response = await _server.Client("").GetAsync(uri);
            if (response.IsSuccessStatusCode)
            {
                return JsonNode.Parse(await response.Content.ReadAsStringAsync())!;
            }

            if (DateTime.UtcNow > deadline)
            {
                throw new InvalidOperationException($"{_server.Name}: GET {uri} still answers {(int)response.StatusCode} after {s_untilLimit.TotalSeconds} s");
            }

            await Task.Delay(20);
        }
    }

    private async Task<JsonObject> AnswerAsync(CaseStep step)
    {
        var until = step.Directives.Where(d => d.Name == "until").Select(d => d.Value).ToList();
        var deadline = DateTime.UtcNow + s_untilLimit;
        while (true)
        {
            var answer = step.IsCommand ? await CommandAsync(step)
                : await _nodes.TryDoAsync(Fill(step.Action), Fill(step.Body)) ?? await RequestOrAwaitAsync(step);
            Select(step, answer);
            var unmet = until.Find(u => !Holds(u, answer));
            if (unmet is null)
            {
                return answer;
            }

            if (DateTime.UtcNow > deadline)
            {
                answer["failed"] = $"not within {s_untilLimit.TotalSeconds} s: {unmet}";
                return answer;
            }

            await Task.Delay(50);
        }
    }

    /// <summary>Keeps of a list the items for which all <c>@where</c> hold, and says how many they are.</summary>
    private void Select(CaseStep step, JsonObject answer)
    {
        if (!step.Has("show") || (answer["body"] as JsonObject)?["items"] is not JsonArray items)
        {
            return;
        }

        var where = step.Directives.Where(d => d.Name == "where").Select(d => d.Value).ToList();
        var kept = items.Where(item => where.TrueForAll(w => Holds(w, item))).Select(item => item?.DeepClone()).ToArray();
        answer["body"]!["items"] = new JsonArray(kept);
        answer["count"] = kept.Length;
    }

    /// <summary><c>PATH=VALUE</c>, <c>PATH!=VALUE</c>, <c>PATH~TEXT</c> (has it in it), <c>PATH</c>, which then has to be there, or <c>!PATH</c>, which must not.</summary>
    private bool Holds(string condition, JsonNode? answer)
    {
        if (condition[0] == '!')
        {
            return AnswerPath.Find(answer, condition[1..]) is null;
        }

        var at = condition.IndexOfAny(['=', '~', '!']);
        var path = at < 0 ? condition : condition[..at];
        var found = AnswerPath.Find(answer, path);
        if (at < 0)
        {
            return found is not null;
        }

        var value = Fill(condition[(at + (condition[at] == '!' ? 2 : 1))..]);
        var text = found?.ToString() ?? "";
        return condition[at] switch { '=' => text == value, '!' => text != value, _ => text.Contains(value, StringComparison.Ordinal) };
    }

    private void Save(CaseStep step, JsonObject answer)
    {
        var checks = new JsonArray();
        foreach (var (name, value) in step.Directives)
        {
            if (name == "save")
            {
                var words = value.Split(' ', 2);
                // an object as it came, without blanks: a revision's data is compared byte by byte
                var found = AnswerPath.Find(answer, words[1]);
                _values[words[0]] = (found is JsonValue ? found.ToString() : found?.ToJsonString()) ?? "";
                _normalizer.Save(words[0], _values[words[0]]);
            }
            else if (name == "check")
            {
                checks.Add(Check(Fill(value)));
            }
        }

        if (checks.Count > 0)
        {
            answer["checks"] = checks;
        }
    }

    private static bool Check(string text)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words is not [var left, var comparison, var right])
        {
            return false;
        }

        return comparison switch
        {
            "==" => left == right,
            "!=" => left != right,
            "<" => decimal.Parse(left, CultureInfo.InvariantCulture) < decimal.Parse(right, CultureInfo.InvariantCulture),
            _ => throw new FormatException($"@check compares with ==, != or <, not with {comparison}"),
        };
    }

    private async Task<JsonObject> RequestOrAwaitAsync(CaseStep step)
    {
        if (step.Action.StartsWith("AWAIT ", StringComparison.Ordinal))
        {
            return await _background[step.Action[6..].Trim()];
        }

        if (!step.Has("background"))
        {
            return await RequestAsync(step, null);
        }

        var started = new TaskCompletionSource();
        var task = RequestAsync(step, started);
        _background[step.Name] = task;
        await Task.WhenAny(started.Task, task);
        return [];
    }

    private async Task<JsonObject> RequestAsync(CaseStep step, TaskCompletionSource? started)
    {
        using var request = NewRequest(step);
        if (_server.HasWatchCache && request.Method == HttpMethod.Get)
        {
            await WatchCache.CaughtUpAsync(_server.Client(""), request.RequestUri!.PathAndQuery);
        }

        var user = step.Has("anonymous") ? "-" : Fill(step.Directive("as") ?? "");
        using var response = await _server.Client(user).SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        started?.TrySetResult();
        var answer = new JsonObject { ["status"] = (int)response.StatusCode };
        var headers = new JsonObject();
        foreach (var name in (step.Directive("headers") ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Append("Content-Type"))
        {
            if (response.Headers.TryGetValues(name, out var values) || response.Content.Headers.TryGetValues(name, out values))
            {
                headers[name] = string.Join(", ", values);
            }
        }

        answer["headers"] = headers;
        if (step.Directive("events") is { } count && response.IsSuccessStatusCode)
        {
            await ReadEventsAsync(response, count, answer);
            return answer;
        }

        var bytes = await response.Content.ReadAsByteArrayAsync();
        answer["body"] = Parse(Decompress(bytes, response), response.Content.Headers.ContentType?.MediaType, step.Has("text"));
        return answer;
    }

    private static byte[] Decompress(byte[] bytes, HttpResponseMessage response)
    {
        if (!response.Content.Headers.ContentEncoding.Contains("gzip"))
        {
            return bytes;
        }

        using var gzip = new System.IO.Compression.GZipStream(new MemoryStream(bytes), System.IO.Compression.CompressionMode.Decompress);
        using var plain = new MemoryStream();
        gzip.CopyTo(plain);
        return plain.ToArray();
    }

    private HttpRequestMessage NewRequest(CaseStep step)
    {
        var words = Fill(step.Action).Split(' ', 2, StringSplitOptions.TrimEntries);
        if (words.Length < 2)
        {
            throw new FormatException($"Cases/{_case.Name}.case:{step.Line}: an action is 'METHOD PATH' or 'kubectl …'");
        }

        var uri = new Uri(_server.Address.GetLeftPart(UriPartial.Authority) + words[1], new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var request = new HttpRequestMessage(new HttpMethod(words[0]), uri);
        var body = Fill(step.Body);
        if (body.Length > 0)
        {
            request.Content = new ByteArrayContent(step.Has("base64") ? Convert.FromBase64String(body) : Encoding.UTF8.GetBytes(body));
            var type = body[0] is '{' or '[' ? "application/json" : "application/yaml";
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        foreach (var (name, value) in step.Headers)
        {
            if (name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.Remove(name);
                if (value.Length > 0)
                {
                    request.Content.Headers.TryAddWithoutValidation(name, Fill(value));
                }
            }
            else
            {
                request.Headers.TryAddWithoutValidation(name, Fill(value));
            }
        }

        return request;
    }

    /// <summary>So many events, or all that come until the server ends the answer.</summary>
    private static async Task ReadEventsAsync(HttpResponseMessage response, string count, JsonObject answer)
    {
        var most = count == "all" ? int.MaxValue : int.Parse(count, CultureInfo.InvariantCulture);
        var events = new JsonArray();
        answer["events"] = events;
        using var deadline = new CancellationTokenSource(s_eventsLimit);
        try
        {
            using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(deadline.Token));
            while (events.Count < most)
            {
                if (await reader.ReadLineAsync(deadline.Token) is not { } line)
                {
                    answer["end"] = "the server ended the watch";
                    return;
                }

                events.Add(JsonNode.Parse(line));
            }
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested)
        {
            answer["end"] = "no more events came";
        }
    }

    private async Task<JsonObject> CommandAsync(CaseStep step)
    {
        foreach (var (name, text) in step.Files.Where(f => f.Name != "stdin"))
        {
            var path = _folder.File(name);
            await File.WriteAllTextAsync(path, Fill(text));
            _values[name] = path;
        }

        var words = CommandLine.Split(step.Action).Select(Fill).ToList();
        var program = words[0] == "kubectl-1.20" ? Path.Combine(Environment.GetEnvironmentVariable("KUBEBUILDER_ASSETS")!, "kubectl") : words[0];
        var environment = new Dictionary<string, string> { ["KUBECONFIG"] = _server.Kubeconfig, ["HOME"] = Path.GetDirectoryName(_server.Kubeconfig)! };
        var input = step.Files.FirstOrDefault(f => f.Name == "stdin").Text;
        var result = await ProgramsCommand.RunAsync(program, [.. words.Skip(1)], environment, input is null ? null : Fill(input));
        var isYaml = words.Any(s_yamlOutputs.Contains);
        return new JsonObject
        {
            ["exit"] = result.ExitCode,
            ["output"] = Parse(Encoding.UTF8.GetBytes(result.Output), isYaml ? "application/yaml" : "application/json", step.Has("text")),
            ["error"] = result.Error,
        };
    }

    /// <summary>A tree where it is one, else the text.</summary>
    private static JsonNode? Parse(byte[] bytes, string? mediaType, bool asText)
    {
        var text = Encoding.UTF8.GetString(bytes);
        try
        {
            if (!asText && text.Length > 0)
            {
                return mediaType switch
                {
                    "application/json" when text[0] is '{' or '[' => JsonNode.Parse(text),
                    "application/yaml" => YamlToJson.ReadOne(text),
                    _ => text,
                };
            }
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            // then it is compared as the text that it is
        }

        return text;
    }

    /// <summary>Puts values in the place of {NAME}, and N times TEXT in the place of {{repeat N TEXT}}.</summary>
    private string Fill(string text)
    {
        text = RepeatRegex().Replace(text, m => string.Concat(Enumerable.Repeat(m.Groups[2].Value, int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))));
        return PlaceholderRegex().Replace(text, m => _values.TryGetValue(m.Groups[1].Value, out var value) ? value : m.Value);
    }

    [GeneratedRegex(@"\{([A-Za-z][A-Za-z0-9._-]*)\}")]
    private static partial Regex PlaceholderRegex();

    [GeneratedRegex(@"\{\{repeat (\d+) (.+?)\}\}")]
    private static partial Regex RepeatRegex();
}
