namespace EdgeSync.CloudCore.Tests;

/// <summary>
/// Tests that measure what the whole process has or does (its memory): nothing else runs in it meanwhile. They come after all the others,
/// one by one, so they have to be short.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
