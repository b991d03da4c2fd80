using System.Text.Json.Nodes;

namespace EdgeSync.TestKit;

/// <summary>The real kubectl with one kubeconfig.</summary>
/// <param name="kubeconfig">The file.</param>
/// <param name="place">Where it runs; null for here.</param>
public sealed class ProgramsKubectl(string kubeconfig, ProgramsPlace? place = null)
{
    // longer than its own --timeout in any test, so that it is kubectl that says what it waited for
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(90);

    // kubectl keeps what it discovered in the home folder: a folder of the test's own keeps runs apart
    private readonly Dictionary<string, string> _environment = new()
    {
        ["KUBECONFIG"] = kubeconfig,
        ["HOME"] = Path.GetDirectoryName(kubeconfig)!,
    };

    /// <summary>Runs it and gives what came of it, success or not.</summary>
    public Task<CommandResult> TryAsync(params string[] arguments) =>
        ProgramsCommand.RunAsync("kubectl", arguments, _environment, limit: s_limit, place: place);

    /// <summary>Runs it; its output.</summary>
    /// <exception cref="CommandFailedException">kubectl did not succeed.</exception>
    public async Task<string> RunAsync(params string[] arguments) => (await TryAsync(arguments)).Expect();

    /// <summary>Applies manifests given as text.</summary>
    public async Task<string> ApplyAsync(string yaml) => (await TryApplyAsync(yaml)).Expect();

    public Task<CommandResult> TryApplyAsync(string yaml) =>
        ProgramsCommand.RunAsync("kubectl", ["apply", "-f", "-"], _environment, yaml, s_limit, place);

    /// <summary>A jsonpath of one object or of a list; empty when there is nothing.</summary>
    public Task<string> PathAsync(string jsonPath, params string[] get) =>
        RunAsync(["get", .. get, "-o", $"jsonpath={jsonPath}"]);

    public async Task<JsonNode> JsonAsync(params string[] get) =>
        JsonNode.Parse(await RunAsync(["get", .. get, "-o", "json"]))!;

    /// <summary>Whether the object exists.</summary>
    public async Task<bool> HasAsync(params string[] get) =>
        (await RunAsync(["get", .. get, "--ignore-not-found", "-o", "name"])).Length > 0;
}
