using System.Globalization;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

/// <summary>Evaluates a part of a rule.</summary>
internal delegate object? CelProgram(CelFrame frame);

/// <summary>
/// Checks an expression against the types of <c>self</c> and makes a program of it. What it does not know it refuses, so that no rule is
/// taken and then not followed. Its functions are in <see cref="CelFunctions"/>.
/// </summary>
internal sealed class CelCompiler
{
    private static readonly HashSet<string> s_reserved =
    [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace", "return", "var",
        "void", "while", "in", "true", "false", "null",
    ];

    private readonly CelType _self;
    private readonly Dictionary<string, (int Index, CelType Type)> _variables = [];
    private int _count;

    private CelCompiler(CelType self) => _self = self;

    /// <summary>A checked expression.</summary>
    /// <param name="Run">Evaluates it.</param>
    /// <param name="Type">What comes out.</param>
    /// <param name="Variables">How many variables a frame needs.</param>
    /// <param name="UsesOldSelf">Whether it compares with the object before.</param>
    public sealed record Compiled(CelProgram Run, CelType Type, int Variables, bool UsesOldSelf);

    private bool UsesOldSelf { get; set; }

    /// <exception cref="CelSyntaxException">The expression cannot be taken.</exception>
    public static Compiled Compile(string text, CelType self)
    {
        var compiler = new CelCompiler(self);
        var (type, run) = compiler.Make(CelParser.Parse(text));
        return new Compiled(run, type, compiler._count, compiler.UsesOldSelf);
    }

    private (CelType Type, CelProgram Run) Make(CelSyntax syntax)
    {
        switch (syntax)
        {
            case CelConstant constant:
                return (TypeOf(constant.Value), _ => constant.Value);
            case CelName name:
                return Name(name);
            case CelSelect select:
                return Select(select);
            case CelListLiteral list:
                return ListLiteral(list);
            case CelMapLiteral map:
                return MapLiteral(map);
            case CelMacro macro:
                return Macro(macro);
            case CelCall call:
                return Call(call);
            default:
                throw new CelSyntaxException(syntax.At, "the expression is not supported by this server");
        }
    }

    private static CelType TypeOf(object? value) => value switch
    {
        null => CelType.Null,
        bool => CelType.Bool,
        long => CelType.Int,
        double => CelType.Double,
        _ => CelType.String,
    };

    private (CelType, CelProgram) Name(CelName name)
    {
        if (_variables.TryGetValue(name.Name, out var variable))
        {
            return (variable.Type, frame => Spend(frame, frame[variable.Index]));
        }

        switch (name.Name)
        {
            case "self":
                return (_self, frame => Spend(frame, frame.Self));
            case "oldSelf":
                UsesOldSelf = true;
                return (_self, frame => Spend(frame, frame.OldSelf));
            default:
                throw new CelSyntaxException(name.At, $"undeclared reference to '{name.Name}' (in container '')");
        }
    }

    private static object? Spend(CelFrame frame, object? value)
    {
        frame.Spend(1);
        return value;
    }

    private (CelType, CelProgram) Select(CelSelect select)
    {
        if (s_reserved.Contains(select.Field))
        {
            throw new CelSyntaxException(select.At, $"Syntax error: mismatched input '{select.Field}' expecting IDENTIFIER");
        }

        var (type, operand) = Make(select.Operand);
        switch (type.Kind)
        {
            case CelKind.Object:
                return Field(select, type, operand);
            case CelKind.Map:
                var key = select.Field;
                var element = type.Element ?? CelType.Dyn;
                return select.Test
                    ? (CelType.Bool, frame => Holds(operand(frame), key))
                    : (element, frame => Member(operand(frame), key));
            case CelKind.Dyn:
                var field = select.Field;
                return select.Test
                    ? (CelType.Bool, frame => Holds(operand(frame), field))
                    : (CelType.Dyn, frame => Member(operand(frame), field));
            default:
                throw new CelSyntaxException(select.At, $"type '{type}' does not support field selection");
        }
    }

    private static (CelType, CelProgram) Field(CelSelect select, CelType type, CelProgram operand)
    {
        var name = Unescape(select.Field);
        var schema = type.IsResource && name == "metadata" ? null : type.Schema!.Properties.GetValueOrDefault(name);
        schema ??= type.IsResource ? CelObject.ResourceMember(name) : null;
        if (schema is null || CelType.Of(schema) is not { } found)
        {
            throw new CelSyntaxException(select.At, $"undefined field '{select.Field}'");
        }

        return select.Test
            ? (CelType.Bool, frame => Holds(operand(frame), name))
            : (found, frame => Member(operand(frame), name));
    }

    /// <summary>Field names that are no identifiers are written with words: <c>a__dash__b</c>.</summary>
    private static string Unescape(string field)
    {
        if (!field.Contains("__", StringComparison.Ordinal))
        {
            return field;
        }

        if (field.Length > 4 && field.StartsWith("__", StringComparison.Ordinal) && field.EndsWith("__", StringComparison.Ordinal)
            && s_reserved.Contains(field[2..^2]))
        {
            return field[2..^2];
        }

        return field
            .Replace("__underscores__", "\u0001", StringComparison.Ordinal)
            .Replace("__dot__", ".", StringComparison.Ordinal)
            .Replace("__dash__", "-", StringComparison.Ordinal)
            .Replace("__slash__", "/", StringComparison.Ordinal)
            .Replace("\u0001", "__", StringComparison.Ordinal);
    }

    private static bool Holds(object? operand, string name) => operand switch
    {
        CelObject map => map.Node.ContainsKey(name),
        IReadOnlyDictionary<object, object?> map => map.ContainsKey(name),
        _ => throw new CelException("no such overload"),
    };

    private static object? Member(object? operand, string name)
    {
        switch (operand)
        {
            case CelObject map:
                return map.Node.TryGetPropertyValue(name, out var value) && map.Member(name) is { } schema
                    ? CelValues.Read(value, schema)
                    : throw new CelException($"no such key: {name}");
            case IReadOnlyDictionary<object, object?> map:
                return map.TryGetValue(name, out var found) ? found : throw new CelException($"no such key: {name}");
            default:
                throw new CelException("no such overload");
        }
    }

    private (CelType, CelProgram) ListLiteral(CelListLiteral list)
    {
        var items = list.Items.Select(Make).ToList();
        var element = items.Count > 0 && items.All(i => i.Type == items[0].Type) ? items[0].Type : CelType.Dyn;
        return (CelType.ListOf(element), Run);

        object? Run(CelFrame frame)
        {
            frame.Spend(1 + items.Count);
            return items.ConvertAll(i => i.Run(frame));
        }
    }

    private (CelType, CelProgram) MapLiteral(CelMapLiteral map)
    {
        var entries = map.Entries.Select(e => (Key: Make(e.Key), Value: Make(e.Value))).ToList();
        return (new CelType(CelKind.Map, CelType.Dyn), Run);

        object? Run(CelFrame frame)
        {
            frame.Spend(1 + entries.Count);
            var made = new Dictionary<object, object?>();
            foreach (var (key, value) in entries)
            {
                made[key.Run(frame) ?? throw new CelException("no such overload")] = value.Run(frame);
            }

            return made;
        }
    }

    private (CelType, CelProgram) Macro(CelMacro macro)
    {
        var (type, range) = Make(macro.Range);
        var variable = type.Kind switch
        {
            CelKind.List => type.Element ?? CelType.Dyn,
            CelKind.Map => CelType.String,
            CelKind.Dyn => CelType.Dyn,
            _ => throw new CelSyntaxException(macro.At, $"expression of type '{type}' cannot be range of a comprehension (must be list, map, or dynamic)"),
        };
        var index = _count++;
        var had = _variables.TryGetValue(macro.Variable, out var outer);
        _variables[macro.Variable] = (index, variable);
        var condition = macro.Condition is { } syntax ? Predicate(syntax) : null;
        var (bodyType, body) = Make(macro.Body);
        if (had)
        {
            _variables[macro.Variable] = outer;
        }
        else
        {
            _variables.Remove(macro.Variable);
        }

        if (macro.Name != "map")
        {
            DemandBool(macro.Body.At, bodyType);
        }

        return macro.Name switch
        {
            "all" => (CelType.Bool, frame => Each(frame, range, index, body, decides: false)),
            "exists" => (CelType.Bool, frame => Each(frame, range, index, body, decides: true)),
            "exists_one" => (CelType.Bool, frame => Filter(frame, range, index, body).Count == 1),
            "filter" => (CelType.ListOf(variable), frame => Filter(frame, range, index, body)),
            _ => (CelType.ListOf(bodyType), frame => Map(frame, range, index, condition, body)),
        };
    }

    private CelProgram Predicate(CelSyntax syntax)
    {
        var (type, run) = Make(syntax);
        DemandBool(syntax.At, type);
        return run;
    }

    private static void DemandBool(int at, CelType type)
    {
        if (type.Kind is not (CelKind.Bool or CelKind.Dyn))
        {
            throw new CelSyntaxException(at, $"expected type 'bool' but found '{type}'");
        }
    }

    private static IEnumerable<object?> Range(CelFrame frame, CelProgram range) => range(frame) switch
    {
        IReadOnlyList<object?> list => list,
        CelObject map => map.Node.Select(m => (object?)m.Key),
        IReadOnlyDictionary<object, object?> map => map.Keys,
        _ => throw new CelException("no such overload"),
    };

    private static bool Bool(object? value) => value is bool flag ? flag : throw new CelException("no such overload");

    /// <summary>all (decided by a false) and exists (by a true); an error counts only where nothing decides.</summary>
    private static bool Each(CelFrame frame, CelProgram range, int variable, CelProgram body, bool decides)
    {
        CelException? failed = null;
        foreach (var item in Range(frame, range))
        {
            frame.Spend(2);
            frame[variable] = item;
            try
            {
                if (Bool(body(frame)) == decides)
                {
                    return decides;
                }
            }
            catch (CelException e) when (e is not CelCostException)
            {
                failed ??= e;
            }
        }

        return failed is null ? !decides : throw failed;
    }

    private static List<object?> Filter(CelFrame frame, CelProgram range, int variable, CelProgram body)
    {
        var kept = new List<object?>();
        foreach (var item in Range(frame, range))
        {
            frame.Spend(2);
            frame[variable] = item;
            if (Bool(body(frame)))
            {
                kept.Add(item);
            }
        }

        return kept;
    }

    private static List<object?> Map(CelFrame frame, CelProgram range, int variable, CelProgram? condition, CelProgram body)
    {
        var made = new List<object?>();
        foreach (var item in Range(frame, range))
        {
            frame.Spend(2);
            frame[variable] = item;
            if (condition is null || Bool(condition(frame)))
            {
                made.Add(body(frame));
            }
        }

        return made;
    }

    private (CelType, CelProgram) Call(CelCall call)
    {
        switch (call.Function)
        {
            case "_&&_" or "_||_":
                return Logic(call);
            case "_?_:_":
                return Choice(call);
            case "_[_]":
                return Index(call);
        }

        var arguments = (call.Target is null ? call.Arguments : [call.Target, .. call.Arguments]).Select(Make).ToList();
        return CelFunctions.Find(call, [.. arguments.Select(a => a.Type)], [.. arguments.Select(a => a.Run)]);
    }

    private (CelType, CelProgram) Logic(CelCall call)
    {
        var left = Predicate(call.Arguments[0]);
        var right = Predicate(call.Arguments[1]);
        var decides = call.Function == "_||_";
        return (CelType.Bool, Run);

        object? Run(CelFrame frame)
        {
            frame.Spend(1);
            CelException failed;
            try
            {
                return Bool(left(frame)) == decides ? decides : Bool(right(frame));
            }
            catch (CelException e) when (e is not CelCostException)
            {
                failed = e;
            }

            // the other side may decide it yet; where it was the right one that failed, the left one did not
            return Bool(right(frame)) == decides ? decides : throw failed;
        }
    }

    private (CelType, CelProgram) Choice(CelCall call)
    {
        var condition = Predicate(call.Arguments[0]);
        var (yesType, yes) = Make(call.Arguments[1]);
        var (noType, no) = Make(call.Arguments[2]);
        if (!yesType.Fits(noType))
        {
            throw new CelSyntaxException(call.At, $"found no matching overload for '_?_:_' applied to '(bool, {yesType}, {noType})'");
        }

        return (yesType.Kind is CelKind.Null or CelKind.Dyn ? noType : yesType, Run);

        object? Run(CelFrame frame)
        {
            frame.Spend(1);
            return Bool(condition(frame)) ? yes(frame) : no(frame);
        }
    }

    private (CelType, CelProgram) Index(CelCall call)
    {
        var (type, operand) = Make(call.Arguments[0]);
        var (indexType, index) = Make(call.Arguments[1]);
        var fits = type.Kind switch
        {
            CelKind.List => indexType.Kind is CelKind.Int or CelKind.Dyn,
            CelKind.Map => indexType.Kind is CelKind.String or CelKind.Dyn || type.Schema is null,
            CelKind.Dyn => true,
            _ => false,
        };
        if (!fits)
        {
            throw new CelSyntaxException(call.At, $"found no matching overload for '_[_]' applied to '({type}, {indexType})'");
        }

        return (type.Element ?? CelType.Dyn, Run);

        object? Run(CelFrame frame)
        {
            frame.Spend(1);
            return At(operand(frame), index(frame));
        }
    }

    private static object? At(object? operand, object? index)
    {
        switch (operand, index)
        {
            case (IReadOnlyList<object?> list, long at):
                return at >= 0 && at < list.Count
                    ? list[(int)at]
                    : throw new CelException(string.Create(CultureInfo.InvariantCulture, $"index out of bounds: {at}"));
            case (CelObject map, string key):
                return Member(map, key);
            case (IReadOnlyDictionary<object, object?> map, not null):
                return map.TryGetValue(index, out var found) ? found : throw new CelException($"no such key: {CelValues.Print(index)}");
            default:
                throw new CelException("no such overload");
        }
    }
}
