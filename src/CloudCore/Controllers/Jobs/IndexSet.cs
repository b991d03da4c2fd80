using System.Globalization;
using System.Text;

namespace EdgeSync.CloudCore.Controllers.Jobs;

/// <summary>Indexes of a Job as its status writes them: <c>0-2,4,6-9</c>. Held as ranges, since there may be thousands.</summary>
internal sealed class IndexSet
{
    // sorted, apart from each other by more than one
    private readonly List<(int First, int Last)> _ranges = [];

    public int Count => _ranges.Sum(range => range.Last - range.First + 1);

    /// <summary>Reads the text; what is no range, or past the Job's last index, is left out.</summary>
    public static IndexSet Parse(string? text, int completions)
    {
        var set = new IndexSet();
        foreach (var part in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var ends = part.Split('-');
            if (int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last)
                && first <= last && first < completions)
            {
                set.Add(first, Math.Min(last, completions - 1));
            }
        }

        return set;
    }

    public bool Contains(int index) => _ranges.Exists(range => range.First <= index && index <= range.Last);

    public void Add(int index) => Add(index, index);

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (first, last) in _ranges)
        {
            text.Append(text.Length == 0 ? "" : ",").Append(CultureInfo.InvariantCulture, $"{first}");
            if (last > first)
            {
                // two are written as two, as Kubernetes does
                text.Append(last == first + 1 ? ',' : '-').Append(CultureInfo.InvariantCulture, $"{last}");
            }
        }

        return text.ToString();
    }

    private void Add(int first, int last)
    {
        var at = _ranges.FindIndex(range => range.Last + 1 >= first);
        at = at < 0 ? _ranges.Count : at;
        var end = at;
        while (end < _ranges.Count && _ranges[end].First <= last + 1)
        {
            (first, last) = (Math.Min(first, _ranges[end].First), Math.Max(last, _ranges[end].Last));
            end++;
        }

        _ranges.RemoveRange(at, end - at);
        _ranges.Insert(at, (first, last));
    }
}
