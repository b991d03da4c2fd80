using System.Globalization;
using System.Text;

namespace EdgeSync.Benchmarks.Fleet;

/// <summary>One line of the table: what was measured with its unit, and the bound that it must keep, where there is one.</summary>
internal sealed record FleetFigure(string What, double? AtMost = null, double? AtLeast = null)
{
    public bool IsMissedBy(double value) => value > AtMost || value < AtLeast;

    public string Target => AtMost is { } most
        ? string.Create(CultureInfo.InvariantCulture, $"<= {most:0.##}")
        : AtLeast is { } least ? string.Create(CultureInfo.InvariantCulture, $">= {least:0.##}") : "";
}

/// <summary>Collects each figure's values over all runs and prints the medians, in the order in which they first came.</summary>
internal sealed class FleetTable(TextWriter output)
{
    private readonly List<FleetFigure> _order = [];
    private readonly Dictionary<FleetFigure, List<double>> _values = [];

    /// <summary>Notes a value and says it at once: a run takes minutes.</summary>
    public void Add(FleetFigure figure, double value)
    {
        if (!_values.TryGetValue(figure, out var values))
        {
            _order.Add(figure);
            _values[figure] = values = [];
        }

        values.Add(value);
        output.WriteLine(Line(figure, value));
    }

    /// <summary>A remark beside the figures.</summary>
    public void Note(string text) => output.WriteLine($"  {text}");

    /// <summary>Figures that missed their target.</summary>
    public int MissedCount => _order.Count(f => f.IsMissedBy(Median(f)));

    public string Render()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"\n{"",-74} {"EdgeSync",10}  target");
        foreach (var figure in _order)
        {
            text.AppendLine(Line(figure, Median(figure)));
        }

        text.Append(CultureInfo.InvariantCulture, $"medians of {_values.Values.Select(v => v.Count).DefaultIfEmpty().Max()} run(s); {MissedCount} missed");
        return text.ToString();
    }

    private static string Line(FleetFigure figure, double value) => string.Create(
        CultureInfo.InvariantCulture, $"{figure.What,-74} {Format(value),10}  {figure.Target,-10} {(figure.IsMissedBy(value) ? "MISSED" : "")}").TrimEnd();

    private double Median(FleetFigure figure)
    {
        var sorted = _values[figure].Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static string Format(double value) => value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
