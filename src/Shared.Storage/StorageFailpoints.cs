namespace EdgeSync.Storage;

/// <summary>The points of <see cref="Failpoint"/> in what both programs share: SQLite and files.</summary>
public static class StorageFailpoints
{
    /// <summary>A transaction has begun.</summary>
    public const string BatchBegun = "storage.batch.begun";

    /// <summary>All its work is done, the commit is next.</summary>
    public const string BatchWritten = "storage.batch.written";

    /// <summary>It is on disk, and nobody has been told.</summary>
    public const string BatchCommitted = "storage.batch.committed";

    /// <summary>A schema step has run, its commit is next.</summary>
    public const string MigrationRun = "storage.migration.run";

    /// <summary>A schema step is on disk.</summary>
    public const string MigrationCommitted = "storage.migration.committed";

    /// <summary>A damaged file has been renamed, its write-ahead log has not.</summary>
    public const string SetAsideBegun = "storage.set-aside.begun";

    /// <summary>A damaged file is out of the way, no new one has been made.</summary>
    public const string SetAsideDone = "storage.set-aside.done";

    /// <summary>A temporary file has its content, perhaps only in memory.</summary>
    public const string FileWritten = "storage.file.written";

    /// <summary>A temporary file is on disk.</summary>
    public const string FileFlushed = "storage.file.flushed";

    /// <summary>It has its final name, perhaps only in memory.</summary>
    public const string FileRenamed = "storage.file.renamed";

    /// <summary>Its name is on disk.</summary>
    public const string FolderFlushed = "storage.file.folder-flushed";
}
