namespace EdgeSync.CloudCore.Tests.Enrollment;

/// <summary>A clock that a test moves. It starts at the real time, because TLS judges certificates by that; time as it is measured goes on by itself, and further.</summary>
internal sealed class ManualTime : TimeProvider
{
    private DateTimeOffset _now = DateTimeOffset.UtcNow;
    private TimeSpan _ahead;

    public override DateTimeOffset GetUtcNow() => _now;

    public override long GetTimestamp() => base.GetTimestamp() + (long)(_ahead.TotalSeconds * TimestampFrequency);

    public void Advance(TimeSpan by)
    {
        _now += by;
        _ahead += by;
    }
}
