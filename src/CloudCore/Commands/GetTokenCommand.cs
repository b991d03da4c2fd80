using System.CommandLine;
using EdgeSync.CloudCore.Enrollment;
using EdgeSync.Protocol.Configuration;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Commands;

/// <summary><c>cloudcore gettoken</c>: a join token, made at the call, alone on standard output.</summary>
internal static class GetTokenCommand
{
    public static Command Create(CloudCoreParts parts)
    {
        var dataDir = CloudCoreCommands.DataDirOption();
        var ttl = new Option<TimeSpan?>("--ttl")
        {
            Description = "How long the token admits boxes: 30m, 24h. Default: twice tokenRefreshDuration, 24h.",
            HelpName = "DURATION",
            CustomParser = argument =>
            {
                if (GoDuration.TryParse(argument.Tokens[0].Value, out var duration) && duration > TimeSpan.Zero && duration <= TimeSpan.FromDays(3660))
                {
                    return duration;
                }

                argument.AddError($"--ttl must be a duration such as 30m or 24h (ten years at most), and is \"{argument.Tokens[0].Value}\"");
                return null;
            },
        };
        var command = new Command(
            "gettoken",
            """
            Prints a new join token. Any number of boxes may join with it until it expires; keep it secret.

            Examples:
              cloudcore gettoken --data-dir /var/lib/edgesync-cloud
              cloudcore gettoken --data-dir /var/lib/edgesync-cloud --ttl 30m | ssh box edgecore join --token=- ...
            """)
        {
            dataDir,
            ttl,
        };
        command.SetAction(result =>
        {
            var hub = CloudCoreCommands.Load(result.GetRequiredValue(dataDir), null, parts.Error).Config.Modules.CloudHub;
            using var authority = CertificateAuthority.Load(hub.TlsCAFile, hub.TlsCAKeyFile, parts.Time);
            var lifetime = result.GetValue(ttl) ?? TimeSpan.FromHours(2 * hub.TokenRefreshDuration);
            var token = authority.NewToken(lifetime).Reveal();
            Failpoint.Hit(HubFailpoints.TokenMade);
            result.InvocationConfiguration.Output.WriteLine(token);
            return 0;
        });
        return command;
    }
}
