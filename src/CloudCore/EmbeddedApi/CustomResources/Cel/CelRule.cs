using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

/// <summary>One rule of x-kubernetes-validations, compiled. Immutable and shared.</summary>
internal sealed class CelRule
{
    private readonly CelCompiler.Compiled _rule;
    private readonly CelCompiler.Compiled? _message;
    private readonly string _text;
    private readonly string _fixedMessage;
    private readonly string _reason;
    private readonly string _fieldPath;

    private CelRule(JsonObject source, CelCompiler.Compiled rule, CelCompiler.Compiled? message)
    {
        _rule = rule;
        _message = message;
        _text = source.Text("rule") ?? "";
        _fixedMessage = (source.Text("message") ?? "").Trim();
        _reason = source.Text("reason") ?? "";
        _fieldPath = source.Text("fieldPath") ?? "";
    }

    /// <summary>Whether the rule is about a change, and asked only of one.</summary>
    public bool UsesOldSelf => _rule.UsesOldSelf;

    /// <summary>Compiles a rule.</summary>
    /// <param name="source">The rule as the definition has it.</param>
    /// <param name="self">The type of the value that it is about.</param>
    /// <param name="inMessage">Where it cannot be taken: whether the message's expression is to blame.</param>
    /// <exception cref="CelSyntaxException">It cannot be taken.</exception>
    public static CelRule Compile(JsonObject source, CelType self, out bool inMessage)
    {
        inMessage = false;
        var rule = CelCompiler.Compile(source.Text("rule") ?? "", self);
        if (rule.Type.Kind is not (CelKind.Bool or CelKind.Dyn))
        {
            throw new CelSyntaxException(-1, "cel expression must evaluate to a bool");
        }

        if (source.Text("messageExpression") is not { Length: > 0 } expression)
        {
            return new CelRule(source, rule, null);
        }

        inMessage = true;
        var message = CelCompiler.Compile(expression, self);
        return message.Type.Kind is CelKind.String or CelKind.Dyn
            ? new CelRule(source, rule, message)
            : throw new CelSyntaxException(-1, "messageExpression must evaluate to a string");
    }

    /// <summary>A compiler's complaint in the form that Kubernetes gives it: the place, the rule, and an arrow.</summary>
    public static string Describe(CelSyntaxException error, string text)
    {
        if (error.At < 0)
        {
            return error.Message;
        }

        var before = text.AsSpan(0, Math.Min(error.At, text.Length));
        var line = before.Count('\n') + 1;
        var column = before.Length - (before.LastIndexOf('\n') + 1);
        var shown = text.Split('\n')[line - 1];
        return FormattableString.Invariant($"compilation failed: ERROR: <input>:{line}:{column + 1}: {error.Message}\n | {shown}\n | {new string('.', column)}^");
    }

    /// <summary>Evaluates the rule; null where it holds.</summary>
    /// <param name="self">The value.</param>
    /// <param name="oldSelf">The value before.</param>
    /// <param name="node">The value as it is in the object, for the error.</param>
    /// <param name="field">Where it is.</param>
    /// <param name="type">The schema's type, for the error.</param>
    /// <param name="budget">What all rules of the object may still cost.</param>
    public FieldProblem? Evaluate(object? self, object? oldSelf, JsonNode? node, string field, string type, CelBudget budget)
    {
        var frame = new CelFrame(self, oldSelf, _rule.Variables, budget.ForOne);
        try
        {
            if (_rule.Run(frame) is true)
            {
                return null;
            }
        }
        catch (CelCostException e)
        {
            budget.Exhaust();
            return FieldProblem.Invalid(field, type, $"'{e.Message}': no further validation rules will be run due to call cost exceeds limit for rule: {_text}");
        }
        catch (CelException e)
        {
            return FieldProblem.Invalid(field, type, e.Message.StartsWith("no such overload", StringComparison.Ordinal)
                ? $"'{e.Message}': call arguments did not match a supported operator, function or macro signature for rule: {_text}"
                : $"{e.Message} evaluating rule: {_text}");
        }
        finally
        {
            budget.Take(frame);
        }

        var detail = Message(self, oldSelf, budget) ?? (_fixedMessage.Length > 0 ? _fixedMessage : $"failed rule: {_text.Trim()}");
        return Problem(_fieldPath.Length > 0 ? field.Length == 0 ? _fieldPath[1..] : field + _fieldPath : field, node, detail);
    }

    private string? Message(object? self, object? oldSelf, CelBudget budget)
    {
        if (_message is null)
        {
            return null;
        }

        var frame = new CelFrame(self, oldSelf, _message.Variables, budget.ForOne);
        try
        {
            // as Kubernetes: one line, not empty, or the other message counts
            return _message.Run(frame) is string text && text.Trim() is { Length: > 0 and <= 5 * 1024 } message && !message.Contains('\n', StringComparison.Ordinal)
                ? message
                : null;
        }
        catch (CelException)
        {
            return null;
        }
        finally
        {
            budget.Take(frame);
        }
    }

    private FieldProblem Problem(string field, JsonNode? node, string detail) => _reason switch
    {
        "FieldValueRequired" => FieldProblem.Required(field, detail),
        "FieldValueForbidden" => FieldProblem.Forbidden(field, detail),
        "FieldValueDuplicate" => FieldProblem.Duplicate(field, node),
        _ when node is JsonObject or JsonArray => new FieldProblem("FieldValueInvalid", field, $"Invalid value: {detail}"),
        _ => FieldProblem.Invalid(field, node, detail),
    };
}

/// <summary>What the rules of one object may cost together, in steps.</summary>
internal sealed class CelBudget
{
    private const long PerRule = 1_000_000;

    private long _left = 10_000_000;

    public bool IsUsedUp => _left <= 0;

    public long ForOne => Math.Min(PerRule, Math.Max(_left, 0));

    public void Take(CelFrame frame) => _left -= Math.Max(0, Math.Min(PerRule, _left) - Math.Max(frame.Left, 0));

    public void Exhaust() => _left = 0;
}
