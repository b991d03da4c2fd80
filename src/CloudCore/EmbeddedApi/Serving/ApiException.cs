using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>
/// metav1.StatusReason: the closed set of failures that Kubernetes' clients understand, and one of our own
/// (InsufficientStorage), which they take by its HTTP code: a server error that may pass.
/// </summary>
internal enum StatusReason
{
    BadRequest,
    Unauthorized,
    Forbidden,
    NotFound,
    AlreadyExists,
    Conflict,
    Expired,
    Invalid,
    MethodNotAllowed,
    NotAcceptable,
    UnsupportedMediaType,
    RequestEntityTooLarge,
    Timeout,
    TooManyRequests,
    ServiceUnavailable,
    InsufficientStorage,
    InternalError,
}

/// <summary>A request that cannot be answered as asked; becomes a <c>Status</c> body in <see cref="StatusWriter"/>.</summary>
internal sealed class ApiException(StatusReason reason, string message, StatusDetails? details = null) : Exception(message)
{
    public StatusReason Reason { get; } = reason;

    public StatusDetails? Details { get; } = details;

    /// <summary>With Expired: the token with which a list in pages can go on all the same.</summary>
    public string? Continue { get; init; }

    public static ApiException BadRequest(string message) => new(StatusReason.BadRequest, message);

    public static ApiException Internal(string message) => new(StatusReason.InternalError, message);

    public static ApiException NotFound(ResourceDescriptor resource, string name) => new(
        StatusReason.NotFound, $"{resource.GroupResource} \"{name}\" not found", About(resource, name));

    /// <summary>The path names nothing that this server has.</summary>
    public static ApiException NoSuchResource() => new(
        StatusReason.NotFound, "the server could not find the requested resource", new StatusDetails());

    public static ApiException AlreadyExists(ResourceDescriptor resource, string name) => new(
        StatusReason.AlreadyExists, $"{resource.GroupResource} \"{name}\" already exists", About(resource, name));

    public static ApiException Conflict(ResourceDescriptor resource, string name, string why) => new(
        StatusReason.Conflict,
        $"Operation cannot be fulfilled on {resource.GroupResource} \"{name}\": {why}",
        About(resource, name));

    public static ApiException Modified(ResourceDescriptor resource, string name) => Conflict(
        resource, name, "the object has been modified; please apply your changes to the latest version and try again");

    public static ApiException Forbidden(ResourceDescriptor resource, string name, string why, StatusCause? cause = null) => new(
        StatusReason.Forbidden,
        name.Length == 0
            ? $"{resource.GroupResource} is forbidden: {why}"
            : $"{resource.GroupResource} \"{name}\" is forbidden: {why}",
        cause is null ? About(resource, name) : About(resource, name) with { Causes = [cause] });

    /// <summary>Not now: the caller may try again, after <paramref name="retryAfterSeconds"/> where that is not 0.</summary>
    public static ApiException TooManyRequests(string message, int retryAfterSeconds, StatusCause cause) => new(
        StatusReason.TooManyRequests,
        message,
        new StatusDetails { Causes = [cause], RetryAfterSeconds = retryAfterSeconds == 0 ? null : retryAfterSeconds });

    public static ApiException Expired(string message) => new(StatusReason.Expired, message);

    public static ApiException UnsupportedMediaType(string message, StatusDetails? details = null) => new(StatusReason.UnsupportedMediaType, message, details);

    public static ApiException MethodNotAllowed() => new(
        StatusReason.MethodNotAllowed, "the server does not allow this method on the requested resource", new StatusDetails());

    public static ApiException DefinitionTerminating(ResourceDescriptor resource, string name) =>
        Forbidden(resource, name, "create not allowed while custom resource definition is terminating");

    private static StatusDetails About(ResourceDescriptor resource, string name) => new()
    {
        Name = name.Length == 0 ? null : name,
        Group = resource.Group.Length == 0 ? null : resource.Group,
        Kind = resource.Plural,
    };
}
