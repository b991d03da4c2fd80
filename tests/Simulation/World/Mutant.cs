namespace EdgeSync.Simulation.World;

/// <summary>
/// Which deliberate fault is switched on in this process; none, unless the mutation run asks. The patched copies of the shipped
/// sources ask here too; the shipped sources themselves know nothing of it.
/// </summary>
internal static class Mutant
{
    /// <summary>Set before worlds run, never while they do.</summary>
    public static string? Active { get; set; }

    public static bool Is(string mutation) => Active is not null && Active == mutation;
}
