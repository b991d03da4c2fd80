namespace EdgeSync.CloudCore.Tests.Enrollment;

/// <summary>A clock that a test moves. It starts at the real time, because TLS judges certificates by that.</summary>
internal sealed class ManualTime : TimeProvider
{
    private DateTimeOffset _now = DateTimeOffset.UtcNow;

    public override DateTimeOffset GetUtcNow() => _now;

    public void Advance(TimeSpan by) => _now += by;
}
