namespace EdgeSync.EdgeCore.Commands.Join;

internal enum CheckOutcome
{
    Ok,

    /// <summary>Worth a word; joining goes on.</summary>
    Warning,

    Failed,

    /// <summary>Could not be done, because of a failure that is reported by itself.</summary>
    Skipped,
}

/// <summary>One check before joining.</summary>
/// <param name="Name">What was looked at.</param>
/// <param name="Outcome">How it stands.</param>
/// <param name="Text">What was found: on failure, the cause.</param>
/// <param name="Mend">What to do about it; empty when nothing is to be done.</param>
internal sealed record CheckResult(string Name, CheckOutcome Outcome, string Text, string Mend = "")
{
    public static CheckResult Ok(string name, string text) => new(name, CheckOutcome.Ok, text);

    public static CheckResult Warning(string name, string text, string mend) => new(name, CheckOutcome.Warning, text, mend);

    public static CheckResult Failed(string name, string text, string mend) => new(name, CheckOutcome.Failed, text, mend);

    public static CheckResult Skipped(string name, string text) => new(name, CheckOutcome.Skipped, text);
}
