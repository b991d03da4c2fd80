using System.CommandLine;
using System.Globalization;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.Hosting;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Commands;

/// <summary><c>cloudcore restore</c>: puts a backup in the place of what the embedded API holds.</summary>
internal static class RestoreCommand
{
    public static Command Create(CloudCoreParts parts)
    {
        var file = new Argument<string>("file") { Description = "A file that \"cloudcore backup\" made.", HelpName = "FILE" };
        var dataDir = CloudCoreCommands.DataDirOption();
        var withKeys = new Option<bool>("--with-keys")
        {
            Description = "Put the backup's keys, certificates and cloudcore.yaml back too; those that are there are kept beside them.",
        };
        var command = new Command(
            "restore",
            """
            Puts the objects of a backup in the place of those in the data folder. The hub must not run. The backup is read and
            checked first; what was there is kept as cloudcore.db.before-restore-TIME. Versions jump ahead, so clients that watch
            are told to list anew, and none takes an old version for a new one.
            Boxes need nothing done: when they connect they say by digest what they hold, and get what differs; pods of objects
            that the backup does not have are removed from them.

            Examples:
              systemctl stop cloudcore
              cloudcore restore /backups/hub-2026-03-01.db --data-dir /var/lib/edgesync-cloud
              cloudcore restore /safe/hub.db --with-keys --data-dir /var/lib/edgesync-cloud     # on a new machine
            """)
        {
            file,
            dataDir,
            withKeys,
        };
        command.SetAction(result =>
        {
            var files = new CloudFiles(Path.GetFullPath(result.GetRequiredValue(dataDir)));
            try
            {
                Restore(files, Path.GetFullPath(result.GetRequiredValue(file)), result.GetValue(withKeys), parts.Time, result.InvocationConfiguration.Output);
            }
            catch (Exception e) when (e is DatabaseException or IOException or UnauthorizedAccessException)
            {
                throw new CommandFailedException($"nothing was restored: {e.Message}");
            }

            return 0;
        });
        return command;
    }

    private static void Restore(CloudFiles files, string backup, bool withKeys, TimeProvider time, TextWriter output)
    {
        if (!File.Exists(backup))
        {
            throw new CommandFailedException($"there is no {backup}");
        }

        if (!Directory.Exists(files.DataDir))
        {
            throw new CommandFailedException($"there is no folder {files.DataDir}; make it first (mkdir -m 700), or run cloudcore init");
        }

        using var alone = FolderLock.TryTake(files.RunLock, files.RunPid) ?? throw new CommandFailedException(
            $"{files.DataDir} is held by a cloudcore that runs already{FolderLock.Describe(files.RunPid)}; stop it first");
        var content = StoreBackup.Check(backup);
        if (withKeys && content.Files.Count == 0)
        {
            throw new CommandFailedException($"{backup} holds no keys: it was made without --with-keys; restore it without, beside the keys that are here");
        }

        var stamp = time.GetUtcNow().ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var database = Path.Combine(files.DataDir, StoreDatabase.FileName);
        var fresh = database + ".restore";
        File.Delete(fresh);
        DatabaseFile.CopyTo(backup, fresh, DurableFile.OwnerOnly);
        var revision = StoreBackup.Prepare(fresh, File.Exists(database) ? StoreBackup.RevisionOf(database) : 0);
        Failpoint.Hit(HubFailpoints.RestorePrepared);
        if (withKeys)
        {
            WriteKeys(files, content.Files, stamp);
        }

        var kept = Replace(database, fresh, stamp);
        Failpoint.Hit(HubFailpoints.RestoreDone);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{content.Objects} objects restored{(withKeys ? ", and the keys" : "")}; versions go on from {revision}. Start the hub: cloudcore run --data-dir {files.DataDir}"));
        if (kept is not null)
        {
            output.WriteLine($"What was there is kept: {kept}");
        }
    }

    /// <summary>The old database gets a second name and the new one takes its first, in one step: at no moment is there none.</summary>
    private static string? Replace(string database, string fresh, string stamp)
    {
        if (!File.Exists(database))
        {
            RemoveLog(database);
            DurableFile.Rename(fresh, database);
            return null;
        }

        var kept = $"{database}.before-restore-{stamp}";
        for (var n = 2; File.Exists(kept); n++)
        {
            kept = string.Create(CultureInfo.InvariantCulture, $"{database}.before-restore-{stamp}-{n}");
        }

        try
        {
            DatabaseFile.MergeLog(database);
        }
        catch (DatabaseException)
        {
            // damaged: its log cannot be merged, and is kept beside it
            foreach (var suffix in (string[])["-wal", "-shm"])
            {
                if (File.Exists(database + suffix))
                {
                    File.Copy(database + suffix, kept + suffix);
                }
            }
        }

        DurableFile.Link(database, kept);
        RemoveLog(database); // it must not be applied to the new file
        Failpoint.Hit(HubFailpoints.RestoreKept);
        DurableFile.Rename(fresh, database);
        return kept;
    }

    private static void RemoveLog(string database)
    {
        File.Delete(database + "-wal");
        File.Delete(database + "-shm");
    }

    private static void WriteKeys(CloudFiles files, IReadOnlyDictionary<string, byte[]> keys, string stamp)
    {
        if (keys.Keys.FirstOrDefault(name => !BackupFiles.IsOurs(name)) is { } foreign)
        {
            throw new DatabaseException($"the backup holds a file {foreign} that no backup of cloudcore holds");
        }

        Directory.CreateDirectory(files.Pki, DurableFile.OwnerOnly | UnixFileMode.UserExecute);
        foreach (var (name, bytes) in keys)
        {
            var path = Path.Combine(files.DataDir, name);
            if (File.Exists(path) && !File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes))
            {
                File.Move(path, $"{path}.before-restore-{stamp}");
            }

            DurableFile.Write(path, bytes, DurableFile.OwnerOnly);
        }
    }
}
