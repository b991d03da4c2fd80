using Xunit;

namespace EdgeSync.TestKit;

/// <summary>A test that needs the mosquitto broker and its command line clients.</summary>
public sealed class MosquittoFactAttribute : FactAttribute
{
    public MosquittoFactAttribute()
    {
        if (MosquittoBroker.Missing is { } missing)
        {
            Skip = $"{missing} is not installed (Debian: mosquitto, mosquitto-clients)";
        }
    }
}
