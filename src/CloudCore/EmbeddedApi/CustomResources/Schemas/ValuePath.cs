using System.Globalization;
using System.Text;

namespace EdgeSync.CloudCore.EmbeddedApi.CustomResources.Schemas;

/// <summary>Where a walk through an object stands; becomes text only where something has to be said. Not thread-safe.</summary>
internal sealed class ValuePath
{
    private readonly List<(string? Name, int Index)> _parts = [];

    public int Depth => _parts.Count;

    public void Push(string name) => _parts.Add((name, 0));

    public void Push(int index) => _parts.Add((null, index));

    public void Pop() => _parts.RemoveAt(_parts.Count - 1);

    /// <summary><c>spec.list[0].name</c>, with one more member where that is given.</summary>
    public string ToString(string? member)
    {
        var text = new StringBuilder();
        foreach (var (name, index) in _parts)
        {
            if (name is null)
            {
                text.Append('[').Append(index.ToString(CultureInfo.InvariantCulture)).Append(']');
            }
            else
            {
                text.Append(text.Length == 0 ? "" : ".").Append(name);
            }
        }

        return member is null ? text.ToString() : text.Append(text.Length == 0 ? "" : ".").Append(member).ToString();
    }

    public override string ToString() => ToString(null);
}
