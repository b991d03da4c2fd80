using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.CloudHub.KubeEdge;

/// <summary>A real cloudcore, and one node on it that talks as KubeEdge's edgecore does, enrolled and connected.</summary>
internal sealed class KubeEdgeWorld : IAsyncDisposable
{
    private KubeEdgeWorld(ProgramsCloud cloud, string node)
    {
        Cloud = cloud;
        Edge = new ScriptedEdgeCore(cloud, node);
    }

    public ProgramsCloud Cloud { get; }

    public ScriptedEdgeCore Edge { get; }

    public static async Task<KubeEdgeWorld> StartAsync(string node)
    {
        var world = new KubeEdgeWorld(await ProgramsCloud.StartNewAsync(), node);
        try
        {
            await world.Edge.EnrollAsync();
            await world.Edge.ConnectAsync();
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Edge.DisposeAsync();
        await Cloud.DisposeAsync();
    }
}
