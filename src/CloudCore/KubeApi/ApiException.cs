using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>
/// A request to the Kubernetes API that did not succeed: either the server's own <c>Status</c>, or, with
/// <see cref="Code"/> 0, no usable answer at all (refused, cut, timed out, not JSON).
/// </summary>
internal sealed class ApiException : Exception
{
    public ApiException(string request, Status status, TimeSpan? retryAfter = null, Exception? inner = null)
        : base($"{request}: {status.Message ?? status.Reason ?? "no reason given"}", inner)
    {
        Status = status;
        RetryAfter = retryAfter
            ?? (status.Details?.RetryAfterSeconds is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : null);
    }

    public Status Status { get; }

    /// <summary>The HTTP status code; 0 where there was no answer.</summary>
    public int Code => Status.Code;

    /// <summary>Kubernetes' machine-readable cause (<c>NotFound</c>, <c>Conflict</c>, …); <c>Unreachable</c> where there was no answer.</summary>
    public string Reason => Status.Reason ?? "";

    /// <summary>How long the server asked to be left alone (429, 503), if it did.</summary>
    public TimeSpan? RetryAfter { get; }

    public bool IsNotFound => Code == 404;

    /// <summary>The object has changed, or a precondition (UID) does not hold. 409 is also AlreadyExists, which is not this.</summary>
    public bool IsConflict => Code == 409 && !IsAlreadyExists;

    public bool IsAlreadyExists => Code == 409 && Reason == "AlreadyExists";

    /// <summary>The asked resource version or continue token is no longer held: list anew.</summary>
    public bool IsGone => Code == 410 || Reason is "Expired" or "Gone";

    /// <summary>Bad content: sending the same again cannot succeed.</summary>
    public bool IsInvalid => Code is 400 or 413 or 415 or 422;

    public bool IsForbidden => Code is 401 or 403;

    /// <summary>The same request may succeed later.</summary>
    public bool IsTransient => Code is 0 or 408 or 429 or >= 500;

    public static ApiException Unreachable(string request, string message, Exception? inner) => new(
        request, new Status { Outcome = "Failure", Reason = "Unreachable", Message = message, Code = 0 }, null, inner);
}
