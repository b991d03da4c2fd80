namespace EdgeSync.Storage;

/// <summary>A database cannot be opened or used; the message names the file and what to do.</summary>
public sealed class DatabaseException : Exception
{
    public DatabaseException(string message)
        : base(message)
    {
    }

    public DatabaseException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
