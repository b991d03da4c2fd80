namespace EdgeSync.Storage;

/// <summary>A database cannot be opened or used; the message names the file and what to do.</summary>
public sealed class DatabaseException : Exception
{
    /// <summary>Nothing was stored for want of room; the same may succeed later.</summary>
    public bool IsDiskFull { get; init; }

    public DatabaseException(string message)
        : base(message)
    {
    }

    public DatabaseException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
