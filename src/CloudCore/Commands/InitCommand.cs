using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.Hosting;

namespace EdgeSync.CloudCore.Commands;

/// <summary><c>cloudcore init</c>: makes the data folder and says what to do next.</summary>
internal static class InitCommand
{
    public static Command Create(CloudCoreParts parts)
    {
        var dataDir = CloudCoreCommands.DataDirOption();
        var addresses = new Option<string[]?>("--advertise-address")
        {
            Description = "Addresses (IPs or DNS names, separated by commas) by which boxes reach this hub. Default: this machine's first address.",
            HelpName = "A,B",
            AllowMultipleArgumentsPerToken = false,
            CustomParser = ParseAddresses,
        };
        var apiPort = PortOption("--api-port", $"Port of the embedded Kubernetes API. Default: {Initialization.DefaultApiPort}.");
        var hubPort = PortOption("--hub-port", $"Port for boxes: sessions and enrollment. Default: {Initialization.DefaultHubPort}.");
        var cluster = new ClusterOptions();
        var command = new Command(
            "init",
            """
            Makes the hub's data folder: CA, certificates, cloudcore.yaml and admin.kubeconfig, and says how a box joins; on a terminal with
            the first join token, elsewhere with the command that gives one, so that no token is kept in a log.
            Run again, it completes or renews what is missing or no longer fits, and changes nothing else.
            Exit code 1 when other addresses or ports are asked for than cloudcore.yaml has: change them there.

            Examples:
              cloudcore init --data-dir /var/lib/edgesync-cloud --advertise-address 203.0.113.5,hub.example.com
              cloudcore init --data-dir /var/lib/edgesync-cloud --kubeconfig ~/.kube/config
            """)
        {
            dataDir,
            addresses,
            apiPort,
            hubPort,
        };
        cluster.AddTo(command);
        command.Validators.Add(result =>
        {
            if (cluster.IsGiven(result) && result.GetResult(apiPort) is not null)
            {
                result.AddError("--api-port is the embedded API's, and with --kubeconfig or --in-cluster there is none; leave one of them out");
            }
        });
        command.SetAction(result => Init(
            new CloudFiles(Path.GetFullPath(result.GetRequiredValue(dataDir))),
            new InitWish
            {
                AdvertiseAddress = result.GetResult(addresses) is null ? null : result.GetValue(addresses),
                ApiPort = result.GetValue(apiPort),
                HubPort = result.GetValue(hubPort),
                Cluster = cluster.Read(result),
            },
            parts));
        return command;
    }

    private static int Init(CloudFiles files, InitWish wish, CloudCoreParts parts)
    {
        if (wish.Cluster.Kubeconfig is { } kubeconfig && !File.Exists(kubeconfig))
        {
            throw new CommandFailedException($"--kubeconfig names {kubeconfig}, which is not there");
        }

        var outcome = new Initialization(files, parts.Time).Complete(wish);
        if (outcome.Differences.Count > 0)
        {
            parts.Error.WriteLine($"cloudcore: {files.DataDir} was initialized otherwise; nothing was changed:");
            foreach (var difference in outcome.Differences)
            {
                parts.Error.WriteLine($"  {difference}");
            }

            parts.Error.WriteLine($"To change it, edit {files.Config}, run \"cloudcore init --data-dir {files.DataDir}\" without those options, and restart cloudcore.");
            return 1;
        }

        Report(files, outcome, parts);
        return 0;
    }

    private static void Report(CloudFiles files, InitOutcome outcome, CloudCoreParts parts)
    {
        var output = parts.Output;
        if (outcome.Made.Count == 0)
        {
            output.WriteLine($"{files.DataDir} is initialized already; nothing was changed.");
        }
        else
        {
            output.WriteLine("Made:");
            foreach (var file in outcome.Made)
            {
                output.WriteLine($"  {file}");
            }
        }

        var hub = outcome.Config.Modules.CloudHub;
        var address = hub.AdvertiseAddress[0];
        var host = address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address;
        var token = parts.IsTerminal && outcome.Token is { } first ? first : $"$(cloudcore gettoken --data-dir {files.DataDir})";
        output.WriteLine();
        output.WriteLine("Next:");
        output.WriteLine($"  cloudcore run --data-dir {files.DataDir}");
        if (outcome.Config.Modules.EmbeddedApi.Enable)
        {
            output.WriteLine($"  export KUBECONFIG={files.AdminKubeconfig}");
        }

        output.WriteLine();
        output.WriteLine($"On a box (the token admits for {2 * hub.TokenRefreshDuration} hours):");
        output.WriteLine($"  edgecore join --cloudcore-ipport={host}:{hub.Websocket.Port} --node-name=edge-1 --data-dir /var/lib/edgesync --token={token} --start");
        output.WriteLine();
        output.WriteLine("Another token at any time:");
        output.WriteLine($"  cloudcore gettoken --data-dir {files.DataDir}");
    }

    private static Option<int?> PortOption(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "PORT",
        CustomParser = argument =>
        {
            if (int.TryParse(argument.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535)
            {
                return port;
            }

            argument.AddError($"{name} must be from 1 to 65535, and is \"{argument.Tokens[0].Value}\"");
            return null;
        },
    };

    private static string[]? ParseAddresses(ArgumentResult argument)
    {
        var all = argument.Tokens
            .SelectMany(t => t.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .Distinct()
            .ToArray();
        foreach (var address in all.Where(a => Uri.CheckHostName(a) == UriHostNameType.Unknown))
        {
            argument.AddError($"--advertise-address: \"{address}\" is not an IP address or DNS name (leave the port out: that is --hub-port)");
        }

        if (all.Length == 0)
        {
            argument.AddError("--advertise-address: no address was given");
        }

        return all;
    }
}
