namespace EdgeSync.CloudCore.Commands;

/// <summary>Columns as kubectl writes them: as wide as their longest cell, three spaces between.</summary>
internal static class TextTable
{
    public static void Write(TextWriter output, IReadOnlyList<string> header, IReadOnlyList<IReadOnlyList<string>> rows, string indent = "")
    {
        var widths = new int[header.Count];
        foreach (var row in rows.Prepend(header))
        {
            for (var column = 0; column < header.Count; column++)
            {
                widths[column] = Math.Max(widths[column], row[column].Length);
            }
        }

        foreach (var row in rows.Prepend(header))
        {
            output.WriteLine(indent + string.Join("   ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd());
        }
    }
}
