namespace EdgeSync.EdgeCore.Edged.Cri;

/// <summary>gRPC's status codes.</summary>
internal enum CriCode
{
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// <summary>The container runtime refused a call, or could not be reached (<see cref="CriCode.Unavailable"/>).</summary>
internal sealed class CriException : Exception
{
    public CriException(CriCode code, string message)
        : base(message) => Code = code;

    public CriException(CriCode code, string message, Exception inner)
        : base(message, inner) => Code = code;

    public CriCode Code { get; }

    /// <summary>Whether the runtime is away, rather than unwilling: the call may be made again later.</summary>
    public bool IsAway => Code is CriCode.Unavailable or CriCode.DeadlineExceeded || IsStarting;

    /// <summary>containerd answers before its CRI part is ready, with a code that says nothing.</summary>
    private bool IsStarting => Code == CriCode.Unknown && Message.EndsWith("server is not initialized yet", StringComparison.Ordinal);
}
