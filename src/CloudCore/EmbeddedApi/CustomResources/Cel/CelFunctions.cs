using System.Globalization;
using System.Text.RegularExpressions;
using EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

/// <summary>The operators and functions of rules, by name and types.</summary>
internal static class CelFunctions
{
    // characters that cost as much as one step
    private const int TextPerStep = 10;

    private static readonly string[] s_textTests = ["startsWith", "endsWith", "contains", "matches"];

    /// <summary>The type and the program of a call.</summary>
    /// <exception cref="CelSyntaxException">There is no such function, or not for these types.</exception>
    public static (CelType, CelProgram) Find(CelCall call, CelType[] types, CelProgram[] arguments)
    {
        var isMethod = call.Target is not null;
        var found = (call.Function, types.Length) switch
        {
            ("!_", 1) when Are(types, CelKind.Bool) => One(CelType.Bool, arguments, a => a is bool flag ? !flag : throw NoOverload()),
            ("-_", 1) => Negate(types, arguments),
            ("_==_", 2) when types[0].Fits(types[1]) => Two(CelType.Bool, arguments, Weigh, (a, b) => CelValues.AreEqual(a, b)),
            ("_!=_", 2) when types[0].Fits(types[1]) => Two(CelType.Bool, arguments, Weigh, (a, b) => !CelValues.AreEqual(a, b)),
            ("_<_" or "_<=_" or "_>_" or "_>=_", 2) => Order(call.Function, types, arguments),
            ("@in", 2) when IsContainer(types[1]) => Two(CelType.Bool, arguments, (_, b) => Weigh(b, null), (a, b) => CelValues.Contains(b, a)),
            ("_+_" or "_-_" or "_*_" or "_/_" or "_%_", 2) => Arithmetic(call.Function, types, arguments),
            ("size", 1) when types[0].Kind is CelKind.String or CelKind.List or CelKind.Map or CelKind.Dyn => One(CelType.Int, arguments, Size),
            ("matches" or "startsWith" or "endsWith" or "contains", 2) when (isMethod || call.Function == "matches") && Are(types, CelKind.String) =>
                TextTest(call, arguments),
            _ when isMethod => Method(call, types, arguments),
            _ => Conversion(call.Function, types, arguments),
        };
        return found ?? throw Unknown(call, types);
    }

    private static CelSyntaxException Unknown(CelCall call, CelType[] types)
    {
        var applied = call.Target is null
            ? $"({string.Join(", ", types.Select(t => t.ToString()))})"
            : $"{types[0]}.({string.Join(", ", types.Skip(1).Select(t => t.ToString()))})";
        var isKnown = call.Function[0] is '_' or '!' or '-' or '@' || s_textTests.Contains(call.Function)
            || call.Function is "size" or "int" or "double" or "string" or "bool" or "dyn" or "timestamp" or "duration" or "join" or "split" or "replace"
                or "substring" or "trim" or "lowerAscii" or "upperAscii" or "indexOf" or "lastIndexOf" or "charAt" or "isSorted" or "sum" or "min" or "max"
                or "getFullYear" or "getSeconds" or "getMinutes" or "getHours";
        return new CelSyntaxException(call.At, isKnown
            ? $"found no matching overload for '{call.Function}' applied to '{applied}'"
            : $"undeclared reference to '{call.Function}' (in container ''): this server does not have the function");
    }

    private static CelException NoOverload() => new("no such overload");

    private static bool Are(CelType[] types, CelKind kind) => Array.TrueForAll(types, t => t.Kind == kind || t.Kind == CelKind.Dyn);

    private static bool IsContainer(CelType type) => type.Kind is CelKind.List or CelKind.Map or CelKind.Dyn;

    private static (CelType, CelProgram) One(CelType type, CelProgram[] arguments, Func<object?, object?> apply)
    {
        var argument = arguments[0];
        return (type, Run);

        object? Run(CelFrame frame)
        {
            frame.Spend(1);
            return apply(argument(frame));
        }
    }

    private static (CelType, CelProgram) Two(CelType type, CelProgram[] arguments, Func<object?, object?, long> cost, Func<object?, object?, object?> apply)
    {
        var (left, right) = (arguments[0], arguments[1]);
        return (type, Run);

        object? Run(CelFrame frame)
        {
            var (a, b) = (left(frame), right(frame));
            frame.Spend(1 + cost(a, b));
            return apply(a, b);
        }
    }

    /// <summary>What it costs to look at two values.</summary>
    private static long Weigh(object? left, object? right) => Weight(left) + Weight(right);

    private static long Weight(object? value) => value switch
    {
        string text => text.Length / TextPerStep,
        IReadOnlyList<object?> list => list.Count,
        CelObject map => map.Node.Count,
        _ => 0,
    };

    private static (CelType, CelProgram)? Negate(CelType[] types, CelProgram[] arguments) => types[0].Kind is CelKind.Int or CelKind.Double or CelKind.Dyn or CelKind.Duration
        ? One(types[0], arguments, a => a switch
        {
            long number when number != long.MinValue => (object)-number,
            long => throw new CelException("integer overflow"),
            double number => -number,
            TimeSpan duration => -duration,
            _ => throw NoOverload(),
        })
        : null;

    private static (CelType, CelProgram)? Order(string sign, CelType[] types, CelProgram[] arguments)
    {
        var (left, right) = (types[0].Kind, types[1].Kind);
        var fits = left == CelKind.Dyn || right == CelKind.Dyn
            || (left == right && left is CelKind.Bool or CelKind.Int or CelKind.Double or CelKind.String or CelKind.Timestamp or CelKind.Duration)
            || (left is CelKind.Int or CelKind.Double && right is CelKind.Int or CelKind.Double);
        return !fits ? null : Two(CelType.Bool, arguments, Weigh, sign switch
        {
            "_<_" => (a, b) => CelValues.Compare(a, b) < 0,
            "_<=_" => (a, b) => CelValues.Compare(a, b) <= 0,
            "_>_" => (a, b) => CelValues.Compare(a, b) > 0,
            _ => (a, b) => CelValues.Compare(a, b) >= 0,
        });
    }

    private static (CelType, CelProgram)? Arithmetic(string sign, CelType[] types, CelProgram[] arguments)
    {
        var (left, right) = (types[0], types[1]);
        CelType? type = (left.Kind, right.Kind, sign) switch
        {
            (CelKind.Dyn, _, _) or (_, CelKind.Dyn, _) => CelType.Dyn,
            (CelKind.Int, CelKind.Int, _) => CelType.Int,
            (CelKind.Double, CelKind.Double, not "_%_") => CelType.Double,
            (CelKind.String, CelKind.String, "_+_") => CelType.String,
            (CelKind.List, CelKind.List, "_+_") when left.Schema?.ListType != "map" => left with { Schema = null },
            (CelKind.Timestamp, CelKind.Duration, "_+_" or "_-_") or (CelKind.Duration, CelKind.Timestamp, "_+_") => CelType.Timestamp,
            (CelKind.Timestamp, CelKind.Timestamp, "_-_") => CelType.Duration,
            (CelKind.Duration, CelKind.Duration, "_+_" or "_-_") => CelType.Duration,
            _ => null,
        };
        return type is null ? null : Two(type, arguments, Weigh, (a, b) => Calculate(sign, a, b));
    }

    private static object Calculate(string sign, object? left, object? right)
    {
        try
        {
            return (left, right, sign) switch
            {
                (long a, long b, "_+_") => (object)checked(a + b),
                (long a, long b, "_-_") => checked(a - b),
                (long a, long b, "_*_") => checked(a * b),
                (long _, long b, "_/_" or "_%_") when b == 0 => throw new CelException(sign == "_/_" ? "division by zero" : "modulus by zero"),
                (long a, long b, "_/_") => checked(a / b),
                (long a, long b, "_%_") => b == -1 ? 0L : a % b,
                (double a, double b, "_+_") => a + b,
                (double a, double b, "_-_") => a - b,
                (double a, double b, "_*_") => a * b,
                (double a, double b, "_/_") => a / b,
                (string a, string b, "_+_") => a + b,
                (IReadOnlyList<object?> a, IReadOnlyList<object?> b, "_+_") => Concatenate(a, b),
                (DateTimeOffset a, TimeSpan b, "_+_") => a + b,
                (TimeSpan a, DateTimeOffset b, "_+_") => b + a,
                (DateTimeOffset a, TimeSpan b, "_-_") => a - b,
                (DateTimeOffset a, DateTimeOffset b, "_-_") => a - b,
                (TimeSpan a, TimeSpan b, "_+_") => a + b,
                (TimeSpan a, TimeSpan b, "_-_") => a - b,
                _ => throw NoOverload(),
            };
        }
        catch (Exception e) when (e is OverflowException or ArgumentOutOfRangeException)
        {
            throw new CelException("integer overflow");
        }
    }

    /// <summary>A set takes from the other side only what it does not have.</summary>
    private static List<object?> Concatenate(IReadOnlyList<object?> left, IReadOnlyList<object?> right) => left is CelNodeList { Schema.ListType: "set" }
        ? [.. left, .. right.Where(item => !left.Any(own => CelValues.AreEqual(own, item)))]
        : [.. left, .. right];

    private static object? Size(object? value) => value switch
    {
        string text => text.EnumerateRunes().LongCount(),
        IReadOnlyList<object?> list => (long)list.Count,
        CelObject map => (long)map.Node.Count,
        IReadOnlyDictionary<object, object?> map => (long)map.Count,
        _ => throw NoOverload(),
    };

    private static long LongCount(this System.Text.StringRuneEnumerator runes)
    {
        var count = 0L;
        while (runes.MoveNext())
        {
            count++;
        }

        return count;
    }

    private static (CelType, CelProgram) TextTest(CelCall call, CelProgram[] arguments)
    {
        if (call.Function == "matches")
        {
            return Matches(call, arguments);
        }

        return Two(CelType.Bool, arguments, Weigh, call.Function switch
        {
            "startsWith" => (a, b) => Text(a).StartsWith(Text(b), StringComparison.Ordinal),
            "endsWith" => (a, b) => Text(a).EndsWith(Text(b), StringComparison.Ordinal),
            _ => (a, b) => Text(a).Contains(Text(b), StringComparison.Ordinal),
        });
    }

    private static (CelType, CelProgram) Matches(CelCall call, CelProgram[] arguments)
    {
        var pattern = call.Target is null ? call.Arguments[1] : call.Arguments[0];
        if (pattern is not CelConstant { Value: string literal })
        {
            return Two(CelType.Bool, arguments, Weigh, (a, b) => IsMatch(Compile(Text(b)), Text(a)));
        }

        Regex regex;
        try
        {
            regex = Re2Pattern.Compile(literal);
        }
        catch (FormatException e)
        {
            throw new CelSyntaxException(pattern.At, $"invalid matches argument: {e.Message}");
        }

        return Two(CelType.Bool, arguments, Weigh, (a, _) => IsMatch(regex, Text(a)));
    }

    private static Regex Compile(string pattern)
    {
        try
        {
            return Re2Pattern.Compile(pattern);
        }
        catch (FormatException e)
        {
            throw new CelException(e.Message);
        }
    }

    private static bool IsMatch(Regex regex, string text)
    {
        try
        {
            return regex.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            throw new CelCostException();
        }
    }

    private static string Text(object? value) => value as string ?? throw NoOverload();

    private static (CelType, CelProgram)? Method(CelCall call, CelType[] types, CelProgram[] arguments) => types[0].Kind switch
    {
        CelKind.String or CelKind.Dyn => TextMethod(call.Function, types, arguments),
        CelKind.List => ListMethod(call.Function, types, arguments),
        CelKind.Timestamp or CelKind.Duration when types.Length == 1 => TimeMethod(call.Function, types[0], arguments),
        _ => null,
    };

    private static (CelType, CelProgram)? TextMethod(string function, CelType[] types, CelProgram[] arguments)
    {
        var rest = types.AsSpan(1).ToArray();
        Func<object?[], object?>? apply = (function, rest.Length) switch
        {
            ("lowerAscii", 0) => a => Text(a[0]).ToLowerInvariant(),
            ("upperAscii", 0) => a => Text(a[0]).ToUpperInvariant(),
            ("trim", 0) => a => Text(a[0]).Trim(),
            ("replace", 2) when Are(rest, CelKind.String) => a => Text(a[0]).Replace(Text(a[1]), Text(a[2]), StringComparison.Ordinal),
            ("substring", 1) when Are(rest, CelKind.Int) => a => Cut(Text(a[0]), a[1], null),
            ("substring", 2) when Are(rest, CelKind.Int) => a => Cut(Text(a[0]), a[1], a[2]),
            ("charAt", 1) when Are(rest, CelKind.Int) => a => Cut(Text(a[0]), a[1], (long)a[1]! + 1),
            ("split", 1) when Are(rest, CelKind.String) => a => Text(a[0]).Split(Text(a[1])).Select(p => (object?)p).ToList(),
            ("indexOf", 1) when Are(rest, CelKind.String) => a => (long)Text(a[0]).IndexOf(Text(a[1]), StringComparison.Ordinal),
            ("lastIndexOf", 1) when Are(rest, CelKind.String) => a => (long)Text(a[0]).LastIndexOf(Text(a[1]), StringComparison.Ordinal),
            _ => null,
        };
        var type = function switch
        {
            "split" => CelType.ListOf(CelType.String),
            "indexOf" or "lastIndexOf" => CelType.Int,
            _ => CelType.String,
        };
        return apply is null ? null : Many(type, arguments, apply);
    }

    private static string Cut(string text, object? from, object? to)
    {
        var first = from is long f ? f : throw NoOverload();
        var last = to is long t ? t : text.Length;
        return first < 0 || last > text.Length || first > last
            ? throw new CelException(string.Create(CultureInfo.InvariantCulture, $"index out of range: {(first < 0 || first > text.Length ? first : last)}"))
            : text[(int)first..(int)last];
    }

    private static (CelType, CelProgram)? ListMethod(string function, CelType[] types, CelProgram[] arguments)
    {
        var element = types[0].Element ?? CelType.Dyn;
        Func<object?[], object?>? apply = (function, types.Length) switch
        {
            ("isSorted", 1) => a => List(a[0]).Zip(List(a[0]).Skip(1)).All(p => CelValues.Compare(p.First, p.Second) <= 0),
            ("sum", 1) => a => List(a[0]).Aggregate((object?)null, (sum, item) => sum is null ? item : Calculate("_+_", sum, item))
                ?? (element.Kind == CelKind.Double ? (object)0.0 : 0L),
            ("min" or "max", 1) => a => Extreme(List(a[0]), function == "max" ? 1 : -1),
            ("indexOf", 2) => a => (long)List(a[0]).ToList().FindIndex(item => CelValues.AreEqual(item, a[1])),
            ("lastIndexOf", 2) => a => (long)List(a[0]).ToList().FindLastIndex(item => CelValues.AreEqual(item, a[1])),
            ("join", 1) when element.Kind is CelKind.String or CelKind.Dyn => a => string.Concat(List(a[0]).Select(Text)),
            ("join", 2) when element.Kind is CelKind.String or CelKind.Dyn => a => string.Join(Text(a[1]), List(a[0]).Select(Text)),
            _ => null,
        };
        var type = function switch
        {
            "isSorted" => CelType.Bool,
            "indexOf" or "lastIndexOf" => CelType.Int,
            "join" => CelType.String,
            _ => element,
        };
        return apply is null ? null : Many(type, arguments, apply);
    }

    private static IReadOnlyList<object?> List(object? value) => value as IReadOnlyList<object?> ?? throw NoOverload();

    private static object? Extreme(IReadOnlyList<object?> list, int sign)
    {
        if (list.Count == 0)
        {
            throw new CelException(sign > 0 ? "max called on empty list" : "min called on empty list");
        }

        return list.Aggregate((best, item) => CelValues.Compare(item, best) * sign > 0 ? item : best);
    }

    private static (CelType, CelProgram)? TimeMethod(string function, CelType type, CelProgram[] arguments)
    {
        Func<object?, object?>? apply = (function, type.Kind) switch
        {
            ("getFullYear", CelKind.Timestamp) => a => (long)((DateTimeOffset)a!).UtcDateTime.Year,
            ("getHours", CelKind.Timestamp) => a => (long)((DateTimeOffset)a!).UtcDateTime.Hour,
            ("getMinutes", CelKind.Timestamp) => a => (long)((DateTimeOffset)a!).UtcDateTime.Minute,
            ("getSeconds", CelKind.Timestamp) => a => (long)((DateTimeOffset)a!).UtcDateTime.Second,
            ("getHours", CelKind.Duration) => a => (long)((TimeSpan)a!).TotalHours,
            ("getMinutes", CelKind.Duration) => a => (long)((TimeSpan)a!).TotalMinutes,
            ("getSeconds", CelKind.Duration) => a => (long)((TimeSpan)a!).TotalSeconds,
            _ => null,
        };
        return apply is null ? null : One(CelType.Int, arguments, a => a is null ? throw NoOverload() : apply(a));
    }

    private static (CelType, CelProgram) Many(CelType type, CelProgram[] arguments, Func<object?[], object?> apply)
    {
        return (type, Run);

        object? Run(CelFrame frame)
        {
            var values = Array.ConvertAll(arguments, a => a(frame));
            frame.Spend(1 + values.Sum(Weight));
            var result = apply(values);
            frame.Spend(Weight(result));
            return result;
        }
    }

    private static (CelType, CelProgram)? Conversion(string function, CelType[] types, CelProgram[] arguments)
    {
        if (types.Length != 1)
        {
            return null;
        }

        return (function, types[0].Kind) switch
        {
            ("dyn", _) => One(CelType.Dyn, arguments, a => a),
            ("string", CelKind.Object or CelKind.List or CelKind.Map or CelKind.Null) => null,
            ("string", _) => One(CelType.String, arguments, CelValues.Print),
            ("int", CelKind.Int or CelKind.Double or CelKind.String or CelKind.Timestamp or CelKind.Dyn) => One(CelType.Int, arguments, ToInt),
            ("double", CelKind.Int or CelKind.Double or CelKind.String or CelKind.Dyn) => One(CelType.Double, arguments, ToDouble),
            ("bool", CelKind.Bool or CelKind.String or CelKind.Dyn) => One(CelType.Bool, arguments, ToBool),
            ("timestamp", CelKind.String or CelKind.Timestamp or CelKind.Dyn) => One(CelType.Timestamp, arguments, ToTimestamp),
            ("duration", CelKind.String or CelKind.Duration or CelKind.Dyn) => One(CelType.Duration, arguments, ToDuration),
            _ => null,
        };
    }

    private static object? ToInt(object? value) => value switch
    {
        long => value,
        double real when Math.Abs(real) < 9.2e18 => (long)real,
        double => throw new CelException("integer overflow"),
        string text when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        DateTimeOffset time => time.ToUnixTimeSeconds(),
        string => throw new CelException($"type conversion error from string to int: {value}"),
        _ => throw NoOverload(),
    };

    private static object? ToDouble(object? value) => value switch
    {
        double => value,
        long number => (double)number,
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        string => throw new CelException($"type conversion error from string to double: {value}"),
        _ => throw NoOverload(),
    };

    private static object? ToBool(object? value) => value switch
    {
        bool => value,
        "1" or "t" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "false" or "FALSE" or "False" => false,
        string => throw new CelException($"type conversion error from string to bool: {value}"),
        _ => throw NoOverload(),
    };

    private static object? ToTimestamp(object? value) => value switch
    {
        DateTimeOffset => value,
        string text when KubeTime.TryParse(text, out var time) => time,
        string => throw new CelException($"type conversion error from string to timestamp: {value}"),
        _ => throw NoOverload(),
    };

    private static object? ToDuration(object? value) => value switch
    {
        TimeSpan => value,
        string text when GoDuration.TryParse(text, out var duration) => duration,
        string => throw new CelException($"type conversion error from string to duration: {value}"),
        _ => throw NoOverload(),
    };
}
