using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using EdgeSync.EdgeCore.Commands.Join;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.Hosting;
using EdgeSync.Protocol.Enrollment;

namespace EdgeSync.EdgeCore.Commands;

/// <summary><c>edgecore join</c>: makes this box a node of a hub.</summary>
internal static class JoinCommand
{
    private const int DefaultHubPort = 10000;
    private const int DefaultCertPort = 10002;

    public static Command Create(EdgeCoreParts parts)
    {
        var options = new JoinOptions();
        var command = new Command(
            "join",
            """
            Makes this box a node: checks box and hub, fetches a certificate, writes edgecore.yaml. Safe to run again.
            A token on the command line can be seen by every user of this box: --token-file, --token=- (standard
            input) or the environment variable EDGESYNC_TOKEN hide it.

            Examples:
              edgecore join --cloudcore-ipport=203.0.113.5:10000 --node-name=edge-1 --data-dir /var/lib/edgesync --token-file token --start
              ssh hub cloudcore gettoken --data-dir DIR | edgecore join --cloudcore-ipport=203.0.113.5:10000 --node-name=edge-1 --data-dir /var/lib/edgesync --token=-
              edgecore join --dry-run --cloudcore-ipport=203.0.113.5:10000 --node-name=edge-1 --data-dir /var/lib/edgesync --token-file token
            """);
        options.AddTo(command);
        command.SetAction((result, cancellationToken) => JoinAsync(result, options, parts, cancellationToken));
        return command;
    }

    private static async Task<int> JoinAsync(ParseResult result, JoinOptions options, EdgeCoreParts parts, CancellationToken cancellationToken)
    {
        var report = new JoinReport(parts.Output, parts.Terminal);
        var wish = options.Read(result);
        var dryRun = result.GetValue(options.DryRun);
        var joined = await new Joining(wish, parts, report).RunAsync(token => options.ReadTokenAsync(result, parts, token), dryRun, cancellationToken);
        if (!joined)
        {
            return 1;
        }

        if (dryRun)
        {
            return 0;
        }

        if (result.GetValue(options.Start))
        {
            return await AgentStart.StartAsync(wish.Files, report, parts.Time, cancellationToken) ? 0 : 1;
        }

        report.Say();
        report.Say("Next, run the agent:");
        report.Say($"  edgecore run --data-dir {wish.Files.DataDir}");
        return 0;
    }

    /// <summary>The options of join and how they are read.</summary>
    private sealed class JoinOptions
    {
        private readonly Option<HostPort> _hub = new("--cloudcore-ipport", "-e")
        {
            Description = $"The hub: IP or DNS name, and port (default {DefaultHubPort}).",
            HelpName = "HOST:PORT",
            Required = true,
            CustomParser = argument =>
            {
                if (!HostPort.TryParse(argument.Tokens[0].Value, DefaultHubPort, out var hub))
                {
                    argument.AddError($"--cloudcore-ipport must be HOST:PORT, as 203.0.113.5:10000, and is \"{argument.Tokens[0].Value}\"");
                }

                return hub;
            },
        };

        private readonly Option<string?> _token = new("--token", "-t")
        {
            Description = "The join token (cloudcore gettoken); - reads it from standard input.",
            HelpName = "TOKEN",
        };

        private readonly Option<string?> _tokenFile = new("--token-file") { Description = "A file that holds the join token.", HelpName = "FILE" };

        private readonly Option<string> _nodeName = new("--node-name", "-i", "--edgenode-name")
        {
            Description = "The node's name: lower-case letters, digits, '-' and '.'. Default: the host's name.",
            HelpName = "NAME",
            DefaultValueFactory = _ => System.Environment.MachineName.ToLowerInvariant(),
        };

        private readonly Option<string> _dataDir = EdgeCoreCommands.DataDirOption();

        private readonly Option<string> _runtime = new("--remote-runtime-endpoint", "-p")
        {
            Description = "The container runtime's socket.",
            HelpName = "unix:///PATH",
            DefaultValueFactory = _ => "unix:///run/containerd/containerd.sock",
        };

        private readonly Option<string> _mqtt = new("--mqtt-server")
        {
            Description = "The MQTT broker for devices.",
            HelpName = "tcp://HOST:PORT",
            DefaultValueFactory = _ => "tcp://127.0.0.1:1883",
        };

        private readonly Option<Dictionary<string, string>> _labels = new("--labels", "-l")
        {
            Description = "Labels of the node.",
            HelpName = "K=V,…",
            CustomParser = ParseLabels,
            DefaultValueFactory = _ => [],
        };

        private readonly Option<List<NodeTaint>> _taints = new("--taints", "--taint")
        {
            Description = "Taints that the node is registered with; a Node that is there keeps its own.",
            HelpName = "K=V:EFFECT,…",
            CustomParser = ParseTaints,
            DefaultValueFactory = _ => [],
        };

        private readonly Option<int> _certPort = new("--certport", "-s")
        {
            Description = "Where a KubeEdge hub enrolls; asked when the hub port does not.",
            HelpName = "PORT",
            DefaultValueFactory = _ => DefaultCertPort,
            CustomParser = argument =>
            {
                if (!int.TryParse(argument.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
                {
                    argument.AddError($"--certport must be from 1 to 65535, and is \"{argument.Tokens[0].Value}\"");
                }

                return port;
            },
        };

        public Option<bool> Start { get; } = new("--start") { Description = "Start the agent in the background and wait until it is up." };

        public Option<bool> DryRun { get; } = new("--dry-run") { Description = "Check everything and change nothing." };

        public void AddTo(Command command)
        {
            Option[] all = [_hub, _token, _tokenFile, _nodeName, _dataDir, _runtime, _mqtt, _labels, _taints, _certPort, Start, DryRun];
            foreach (var option in all)
            {
                command.Add(option);
            }

            _nodeName.Validators.Add(Rule(_nodeName, value => NodeName.Problem(value) is { } problem ? $"\"{value}\" {problem}" : null));
            _runtime.Validators.Add(Rule(_runtime, value => value.StartsWith("unix:///", StringComparison.Ordinal) ? null : $"must be unix:///PATH, and is \"{value}\""));
            _mqtt.Validators.Add(Rule(_mqtt, value =>
                Uri.TryCreate(value, UriKind.Absolute, out var uri) && uri is { Scheme: "tcp", Port: > 0 } ? null : $"must be tcp://HOST:PORT, and is \"{value}\""));
            command.Validators.Add(result =>
            {
                if (result.GetResult(_token) is not null && result.GetResult(_tokenFile) is not null)
                {
                    result.AddError("--token and --token-file were both given; leave one out");
                }
            });
        }

        public JoinWish Read(ParseResult result) => new()
        {
            Hub = result.GetValue(_hub),
            CertPort = result.GetValue(_certPort),
            NodeName = result.GetRequiredValue(_nodeName),
            Files = new EdgeFiles(Path.GetFullPath(result.GetRequiredValue(_dataDir))),
            RuntimeEndpoint = result.GetRequiredValue(_runtime),
            MqttServer = result.GetRequiredValue(_mqtt),
            Labels = result.GetRequiredValue(_labels),
            Taints = result.GetRequiredValue(_taints),
        };

        /// <summary>From the one place that was named; the environment counts only when none was.</summary>
        public async Task<string> ReadTokenAsync(ParseResult result, EdgeCoreParts parts, CancellationToken cancellationToken)
        {
            var text = result.GetValue(_token) switch
            {
                "-" => await parts.Input.ReadLineAsync(cancellationToken) ?? throw EdgeCoreCommands.Usage("--token=-: standard input is empty"),
                { } given => given,
                null when result.GetValue(_tokenFile) is { } file => await ReadFileAsync(file, cancellationToken),
                null => parts.Environment(AgentStart.TokenVariable),
            };
            return string.IsNullOrWhiteSpace(text)
                ? throw EdgeCoreCommands.Usage($"there is no join token; give it by --token-file, --token or {AgentStart.TokenVariable}. Make one on the hub: cloudcore gettoken --data-dir DIR")
                : text;
        }

        private static async Task<string> ReadFileAsync(string file, CancellationToken cancellationToken)
        {
            const int most = 64 * 1024;
            var info = new FileInfo(file);
            return !info.Exists ? throw new CommandFailedException($"--token-file: {file} is not there")
                : info.Length > most ? throw new CommandFailedException($"--token-file: {file} is too large for a token")
                : await File.ReadAllTextAsync(file, cancellationToken);
        }

        private static Action<OptionResult> Rule(Option<string> option, Func<string, string?> problem) => result =>
        {
            if (result.GetValueOrDefault<string>() is { } value && problem(value) is { } text)
            {
                result.AddError($"{option.Name} {text}");
            }
        };

        private static Dictionary<string, string> ParseLabels(ArgumentResult argument)
        {
            var labels = new Dictionary<string, string>();
            foreach (var pair in argument.Tokens.SelectMany(t => t.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
            {
                var parts = pair.Split('=', 2);
                if (parts.Length != 2 || NodeLabel.Problem(parts[0], parts[1]) is not null || !labels.TryAdd(parts[0], parts[1]))
                {
                    var problem = parts.Length != 2 ? "must be KEY=VALUE" : NodeLabel.Problem(parts[0], parts[1]) ?? "is given twice";
                    argument.AddError($"--labels: \"{pair}\" {problem}");
                }
            }

            return labels;
        }

        private static List<NodeTaint> ParseTaints(ArgumentResult argument)
        {
            var taints = new List<NodeTaint>();
            foreach (var text in argument.Tokens.SelectMany(t => t.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)))
            {
                var taint = NodeTaint.Read(text);
                if (taint is null || taint.Problem() is not null || taints.Exists(taint.IsLike))
                {
                    argument.AddError($"--taints: \"{text}\" {(taint is null ? "must be KEY=VALUE:EFFECT or KEY:EFFECT" : taint.Problem() ?? "is given twice")}");
                }
                else
                {
                    taints.Add(taint);
                }
            }

            return taints;
        }
    }
}
