using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Edged;

/// <summary>One containerd for all tests that run pods, one test at a time.</summary>
[CollectionDefinition(Name)]
public sealed class ContainerdCollection : ICollectionFixture<ContainerdFixture>
{
    public const string Name = "containerd";
}

public sealed class ContainerdFixture : IAsyncLifetime
{
    private ContainerdRig? _rig;

    public ContainerdRig Rig => _rig ?? throw new InvalidOperationException("no containerd can run here: the tests that need it are skipped");

    public async Task InitializeAsync()
    {
        if (ContainerdRig.WhyNot() is null)
        {
            _rig = await ContainerdRig.StartAsync();
        }
    }

    public async Task DisposeAsync()
    {
        if (_rig is not null)
        {
            await _rig.DisposeAsync();
        }
    }
}
