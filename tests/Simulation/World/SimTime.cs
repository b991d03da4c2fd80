namespace EdgeSync.Simulation.World;

/// <summary>The world's clock, for shipped code that asks one.</summary>
internal sealed class SimTime(Agenda agenda) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(SimWorld.Epoch + agenda.Now);
}
