using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>Bad links between the real programs.</summary>
public sealed class LinkTests(ITestOutputHelper output)
{
    [FaultFact]
    public async Task First()
    {
        await using var world = await FaultWorld.StartAsync(output, 1);
        output.WriteLine($"passed {world.Link.Passed}");
        File.Copy(world.Edge.DatabaseFile, "/tmp/faults-probe.db", true);
        if (File.Exists(world.Edge.DatabaseFile + "-wal"))
        {
            File.Copy(world.Edge.DatabaseFile + "-wal", "/tmp/faults-probe.db-wal", true);
        }
    }
}
