namespace EdgeSync.EdgeCore.Tests;

/// <summary>Tests of figures that the whole process has (memory that was taken): no other test runs beside them.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
