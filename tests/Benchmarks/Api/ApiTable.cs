using System.Globalization;
using System.Text;

namespace EdgeSync.Benchmarks.Api;

/// <summary>One line of the table.</summary>
/// <param name="What">What was measured, with its unit.</param>
/// <param name="IsRate">Whether more is better.</param>
internal sealed record ApiFigure(string What, bool IsRate);

/// <summary>Collects both sides' values and prints the medians side by side.</summary>
internal sealed class ApiTable(TextWriter output)
{
    private readonly List<ApiFigure> _order = [];
    private readonly Dictionary<(ApiFigure, string Side), List<double>> _values = [];
    private readonly List<string> _sides = [];

    /// <summary>Notes a value and says it at once.</summary>
    public void Add(string side, ApiFigure figure, double value)
    {
        if (!_sides.Contains(side))
        {
            _sides.Add(side);
        }

        if (!_order.Contains(figure))
        {
            _order.Add(figure);
        }

        if (!_values.TryGetValue((figure, side), out var values))
        {
            _values[(figure, side)] = values = [];
        }

        values.Add(value);
        output.WriteLine($"  {side}: {figure.What.Trim()}: {Format(value)}");
    }

    public string Render()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"\n{"",-66} {string.Concat(_sides.Select(s => $"{s,24}"))}   how many times better");
        foreach (var figure in _order)
        {
            var medians = _sides.Select(s => Median(figure, s)).ToArray();
            var ratio = medians is [> 0 and { } ours, > 0 and { } theirs] ? Format(figure.IsRate ? ours / theirs : theirs / ours) : "";
            text.AppendLine(CultureInfo.InvariantCulture, $"{figure.What,-66} {string.Concat(medians.Select(m => $"{(m is { } v ? Format(v) : "-"),24}"))}   {ratio}");
        }

        text.Append(CultureInfo.InvariantCulture, $"medians of {_values.Values.Select(v => v.Count).DefaultIfEmpty().Max()} run(s), the sides in turn");
        return text.ToString();
    }

    private double? Median(ApiFigure figure, string side) =>
        _values.TryGetValue((figure, side), out var values) ? values.Order().ElementAt(values.Count / 2) : null;

    private static string Format(double value) => value.ToString(value < 10 ? "0.00" : value < 100 ? "0.0" : "0", CultureInfo.InvariantCulture);
}
