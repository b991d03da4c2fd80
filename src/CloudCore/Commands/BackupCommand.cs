using System.CommandLine;
using System.Globalization;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.Hosting;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Commands;

/// <summary><c>cloudcore backup</c>: a checked copy of what the embedded API holds, made while it runs.</summary>
internal static class BackupCommand
{
    private static readonly TimeSpan s_progressEvery = TimeSpan.FromSeconds(2);

    public static Command Create(CloudCoreParts parts)
    {
        var file = new Argument<string>("file") { Description = "The file to write; it must not exist yet.", HelpName = "FILE" };
        var dataDir = CloudCoreCommands.DataDirOption();
        var withKeys = new Option<bool>("--with-keys")
        {
            Description = "Put the CA's key and all certificates, cloudcore.yaml and admin.kubeconfig into it too: with them a new machine can take this hub's place.",
        };
        var command = new Command(
            "backup",
            """
            Copies all objects of the embedded API into one file, of one moment, while the hub runs or not. The file is read back
            and checked before it gets its name; only its owner may read it, since it holds the Secrets. Without --with-keys it
            holds no key: restored beside another CA, boxes that joined this hub do not trust it.
            With a kubeconfig there is nothing to back up here: the cluster's etcd has the objects.

            Examples:
              cloudcore backup /backups/hub-$(date +%F).db --data-dir /var/lib/edgesync-cloud
              cloudcore backup /safe/hub.db --with-keys --data-dir /var/lib/edgesync-cloud
            """)
        {
            file,
            dataDir,
            withKeys,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var files = new CloudFiles(Path.GetFullPath(result.GetRequiredValue(dataDir)));
            var target = Path.GetFullPath(result.GetRequiredValue(file));
            var content = await MakeAsync(files, target, result.GetValue(withKeys), parts.Error, cancellationToken);
            result.InvocationConfiguration.Output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{target}: {content.Objects} objects at version {content.Revision}, {(content.Files.Count > 0 ? "with keys" : "without keys")}, {NodesCommand.Bytes(new FileInfo(target).Length)}, checked"));
            return 0;
        });
        return command;
    }

    private static async Task<BackupContent> MakeAsync(
        CloudFiles files, string target, bool withKeys, TextWriter progress, CancellationToken cancellationToken)
    {
        var source = Path.Combine(files.DataDir, StoreDatabase.FileName);
        if (!File.Exists(source))
        {
            throw new CommandFailedException($"there is no {source}: nothing to back up; name the hub's data folder with --data-dir");
        }

        if (File.Exists(target) || Directory.Exists(target))
        {
            throw new CommandFailedException($"{target} exists already; name another file, or remove it");
        }

        if (!Directory.Exists(Path.GetDirectoryName(target)))
        {
            throw new CommandFailedException($"the folder {Path.GetDirectoryName(target)} is not there; make it first");
        }

        var temporary = string.Create(CultureInfo.InvariantCulture, $"{target}.{Environment.ProcessId}.part");
        try
        {
            var work = Task.Run(() => Copy(files, temporary, withKeys), CancellationToken.None);
            await FollowAsync(work, source, temporary, progress, cancellationToken);
            var content = await work;
            DurableFile.Rename(temporary, target);
            return content;
        }
        catch (Exception e) when (e is DatabaseException or IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new CommandFailedException($"no backup was made: {e.Message}");
        }
        finally
        {
            File.Delete(temporary + "-journal");
        }
    }

    private static BackupContent Copy(CloudFiles files, string temporary, bool withKeys)
    {
        File.Delete(temporary); // of an earlier process with our id, which is gone
        StoreBackup.Make(files.DataDir, temporary, withKeys ? BackupFiles.Read(files) : []);
        Failpoint.Hit(HubFailpoints.BackupCopied);
        var content = StoreBackup.Check(temporary);
        Failpoint.Hit(HubFailpoints.BackupChecked);
        return content;
    }

    /// <summary>Says how far a long copy has come. A copy that is cancelled is finished all the same: it cannot be stopped within.</summary>
    private static async Task FollowAsync(Task work, string source, string temporary, TextWriter progress, CancellationToken cancellationToken)
    {
        while (await Task.WhenAny(work, Task.Delay(s_progressEvery, CancellationToken.None)) != work)
        {
            var written = new FileInfo(temporary);
            progress.WriteLine($"cloudcore: {NodesCommand.Bytes(written.Exists ? written.Length : 0)} of about {NodesCommand.Bytes(new FileInfo(source).Length)} copied");
            if (cancellationToken.IsCancellationRequested)
            {
                progress.WriteLine("cloudcore: ends after this copy");
            }
        }
    }
}
