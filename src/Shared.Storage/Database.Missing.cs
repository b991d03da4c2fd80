namespace EdgeSync.Storage;

/// <summary>The part that notices when the file is not where it was.</summary>
public sealed partial class Database
{
    private static string Mark(DatabaseOptions options) => options.Path + ".made";

    private static void NoteMade(DatabaseOptions options)
    {
        if (options.RefuseWhenMissing && !File.Exists(Mark(options)))
        {
            DurableFile.Write(Mark(options), "", DurableFile.OwnerOnly);
        }
    }

    private static void RefuseMissing(DatabaseOptions options)
    {
        if (options.RefuseWhenMissing && !File.Exists(options.Path) && File.Exists(Mark(options)))
        {
            throw new DatabaseException(
                $"database {options.Path} is missing, and was there before: restore it from a backup, or delete {Mark(options)} to start empty");
        }
    }

    /// <summary>
    /// The file has lost its name. Where nothing has taken its place, what was committed is written there anew, so that the next
    /// start has it; in any case nothing more is taken, because it would not last.
    /// </summary>
    private DatabaseException Displaced()
    {
        if (_fault.Task.Exception?.InnerException is DatabaseException known)
        {
            return known;
        }

        var outcome = "another file is in its place";
        if (!File.Exists(_options.Path))
        {
            // a write-ahead log of the old file must not be applied to the new one
            File.Delete(_options.Path + "-wal");
            File.Delete(_options.Path + "-shm");
            _writer.Execute("VACUUM INTO $1", _options.Path);
            using (var file = File.OpenHandle(_options.Path, FileMode.Open, FileAccess.ReadWrite))
            {
                RandomAccess.FlushToDisk(file); // SQLite does not
            }

            outcome = "what had been committed is written there anew";
        }

        var failure = new DatabaseException(
            $"database {_options.Path} was deleted or renamed while it was in use; {outcome}; nothing more is stored until the program has been restarted");
        _fault.TrySetException(failure);
        return failure;
    }
}
