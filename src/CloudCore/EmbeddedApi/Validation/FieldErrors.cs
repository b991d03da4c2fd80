using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>Collects what is wrong with an object, field by field, in Kubernetes' words and reasons.</summary>
internal sealed class FieldErrors
{
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<StatusCause> _causes = [];

    public int Count => _causes.Count;

    public void Required(string field, string detail = "") =>
        Add("FieldValueRequired", field, detail.Length == 0 ? "Required value" : $"Required value: {detail}");

    public void Invalid(string field, string value, string detail) =>
        Add("FieldValueInvalid", field, $"Invalid value: {Quote(value)}: {detail}");

    public void Invalid(string field, long value, string detail) =>
        Add("FieldValueInvalid", field, FormattableString.Invariant($"Invalid value: {value}: {detail}"));

    public void Invalid(string field, JsonNode? value, string detail) =>
        Add("FieldValueInvalid", field, $"Invalid value: {value?.ToJsonString(s_plain) ?? "null"}: {detail}");

    /// <summary>One error for each thing that is wrong with the value.</summary>
    public void Invalid(string field, string value, IEnumerable<string> problems)
    {
        foreach (var why in problems)
        {
            Invalid(field, value, why);
        }
    }

    /// <summary>Too many of something.</summary>
    public void TooMany(string field, long found, long most) =>
        Add("FieldValueTooMany", field, FormattableString.Invariant($"Too many: {found}: must have at most {most} items"));

    public void Duplicate(string field, JsonNode value) => Add("FieldValueDuplicate", field, $"Duplicate value: {value.ToJsonString(s_plain)}");

    public void Duplicate(string field, string value) => Add("FieldValueDuplicate", field, $"Duplicate value: {Quote(value)}");

    public void NotFound(string field, string value) => Add("FieldValueNotFound", field, $"Not found: {Quote(value)}");

    public void Forbidden(string field, string detail) => Add("FieldValueForbidden", field, $"Forbidden: {detail}");

    public void TooLong(string field, long most) =>
        Add("FieldValueTooLong", field, FormattableString.Invariant($"Too long: may not be more than {most} bytes"));

    public void NotSupported(string field, string value, params ReadOnlySpan<string> supported)
    {
        var names = string.Join(", ", supported.ToArray().Order(StringComparer.Ordinal).Select(Quote));
        Add("FieldValueNotSupported", field, $"Unsupported value: {Quote(value)}: supported values: {names}");
    }

    /// <inheritdoc cref="NotSupported(string, string, ReadOnlySpan{string})"/>
    public void NotSupported(string field, JsonNode value, params ReadOnlySpan<string> supported)
    {
        var names = string.Join(", ", supported.ToArray().Order(StringComparer.Ordinal).Select(Quote));
        Add("FieldValueNotSupported", field, $"Unsupported value: {value.ToJsonString(s_plain)}: supported values: {names}");
    }

    /// <summary>Throws 422 Invalid where anything was found.</summary>
    public void ThrowIfAny(ResourceDescriptor resource, string name)
    {
        if (_causes.Count > 0)
        {
            throw AsException(resource, name);
        }
    }

    /// <summary>What was found, as the failure that the caller gets.</summary>
    public ApiException AsException(ResourceDescriptor resource, string name)
    {
        return new ApiException(
            StatusReason.Invalid,
            $"{resource.GroupKind} \"{name}\" is invalid: {InOneLine()}",
            new StatusDetails
            {
                Name = name.Length == 0 ? null : name,
                Group = resource.Group.Length == 0 ? null : resource.Group,
                Kind = resource.Kind,
                Causes = _causes,
            });
    }

    /// <summary>A problem that has been found elsewhere.</summary>
    public void Add(FieldProblem problem)
    {
        HidesRules |= problem.HidesRules;
        Add(problem.Reason, problem.Field, problem.Message);
    }

    /// <summary>All problems of another collection.</summary>
    public void Add(FieldErrors others)
    {
        HidesRules |= others.HidesRules;
        _causes.AddRange(others._causes);
    }

    /// <summary>Whether something was found that makes rules across fields meaningless (see <see cref="FieldProblem.HidesRules"/>).</summary>
    public bool HidesRules { get; private set; }

    /// <summary>Throws 422 Invalid where anything was found in what is not a resource.</summary>
    public void ThrowIfAnyOf(string group, string kind)
    {
        if (_causes.Count > 0)
        {
            throw new ApiException(
                StatusReason.Invalid,
                $"{kind}.{group} \"\" is invalid: {InOneLine()}",
                new StatusDetails { Group = group, Kind = kind, Causes = _causes });
        }
    }

    private string InOneLine()
    {
        var all = _causes.Select(c => $"{c.Field}: {c.Message}").Distinct().ToList();
        return all.Count == 1 ? all[0] : $"[{string.Join(", ", all)}]";
    }

    private void Add(string reason, string field, string message) =>
        _causes.Add(new StatusCause { Reason = reason, Message = message, Field = field });

    private static string Quote(string value) =>
        $"\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"";
}
