using Spectre.Console;

namespace EdgeSync.EdgeCore.Commands.Join;

/// <summary>Shows checks and steps: in colour on a terminal, as plain lines anywhere else.</summary>
internal sealed class JoinReport
{
    private const int NameWidth = 12;

    private readonly TextWriter _output;
    private readonly IAnsiConsole? _terminal;

    public JoinReport(TextWriter output, bool terminal)
    {
        _output = output;
        _terminal = terminal ? AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(output) }) : null;
    }

    public void Show(CheckResult check)
    {
        var (word, colour) = check.Outcome switch
        {
            CheckOutcome.Ok => ("ok", "green"),
            CheckOutcome.Warning => ("warn", "yellow"),
            CheckOutcome.Failed => ("FAIL", "red"),
            _ => ("skip", "grey"),
        };
        Line(word, colour, check.Name, check.Text);
        if (check.Mend.Length > 0)
        {
            _output.WriteLine($"{new string(' ', NameWidth + 7)}-> {check.Mend}");
        }
    }

    /// <summary>A step that has been taken.</summary>
    public void Done(string name, string text) => Line("done", "green", name, text);

    public void Say(string text = "") => _output.WriteLine(text);

    private void Line(string word, string colour, string name, string text)
    {
        if (_terminal is null)
        {
            _output.WriteLine($"{word,-5} {name.PadRight(NameWidth)} {text}");
        }
        else
        {
            _terminal.Markup($"[{colour}]{word,-5}[/] [bold]{Markup.Escape(name.PadRight(NameWidth))}[/] ");
            _output.WriteLine(text); // unwrapped: a path or command that is copied must stay whole
        }
    }
}
