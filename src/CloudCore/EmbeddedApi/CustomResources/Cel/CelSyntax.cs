namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Cel;

/// <summary>A piece of a rule, as it is written. <paramref name="At"/> is where it begins, for error messages.</summary>
internal abstract record CelSyntax(int At);

/// <summary>A constant: null, bool, long, double or string.</summary>
internal sealed record CelConstant(int At, object? Value) : CelSyntax(At);

/// <summary>A name: <c>self</c>, <c>oldSelf</c>, or a variable of a macro.</summary>
internal sealed record CelName(int At, string Name) : CelSyntax(At);

/// <summary><c>operand.field</c>; with <paramref name="Test"/> it is <c>has(operand.field)</c>.</summary>
internal sealed record CelSelect(int At, CelSyntax Operand, string Field, bool Test) : CelSyntax(At);

/// <summary>An operator (<c>_+_</c>, <c>_[_]</c>, <c>_?_:_</c>, …) or a function; as a method it has a target.</summary>
internal sealed record CelCall(int At, string Function, CelSyntax? Target, IReadOnlyList<CelSyntax> Arguments) : CelSyntax(At);

/// <summary><c>[a, b]</c>.</summary>
internal sealed record CelListLiteral(int At, IReadOnlyList<CelSyntax> Items) : CelSyntax(At);

/// <summary><c>{a: b}</c>.</summary>
internal sealed record CelMapLiteral(int At, IReadOnlyList<(CelSyntax Key, CelSyntax Value)> Entries) : CelSyntax(At);

/// <summary>all, exists, exists_one, filter or map over a list or a map's keys.</summary>
internal sealed record CelMacro(int At, string Name, CelSyntax Range, string Variable, CelSyntax? Condition, CelSyntax Body) : CelSyntax(At);

/// <summary>A rule that cannot be taken: where, and why.</summary>
internal sealed class CelSyntaxException(int at, string message) : Exception(message)
{
    public int At => at;
}
