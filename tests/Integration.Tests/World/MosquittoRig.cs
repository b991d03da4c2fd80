using System.Globalization;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.World;

/// <summary>A mosquitto of the test's own, which keeps its sessions on disk.</summary>
internal sealed class MosquittoRig : IAsyncDisposable
{
    private readonly TempFolder _folder = new();
    private ProgramsProcess? _process;

    public int Port { get; } = FreePort.Next();

    public static async Task<MosquittoRig> StartAsync()
    {
        var rig = new MosquittoRig();
        var configuration = rig._folder.File("mosquitto.conf");
        await File.WriteAllTextAsync(configuration, string.Create(CultureInfo.InvariantCulture, $"""
            listener {rig.Port} 127.0.0.1
            allow_anonymous true
            persistence true
            persistence_location {rig._folder.Path}/
            user root
            """));
        rig._process = ProgramsProcess.Start("mosquitto", ["-c", configuration], rig._folder.File("mosquitto.log"));
        var client = new ProgramsMqtt(rig.Port);
        await Eventually.HoldsAsync("mosquitto answers", async () =>
        {
            await client.PublishAsync("test/ready", "");
            return true;
        });
        return rig;
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { } process)
        {
            await process.DisposeAsync();
        }

        _folder.Dispose();
    }
}
