using EdgeSync.CloudCore;
using EdgeSync.Storage;
using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>Commands that die half-way through their files: the same command again does what it should.</summary>
public sealed class EnrollmentFailpointTests
{
    /// <summary>Points that only commands pass.</summary>
    internal static readonly string[] Own = [HubFailpoints.TokenMade, HubFailpoints.KeyMaterialWritten];

    private const int KilledBySigKill = 128 + 9;

    public static TheoryData<string> FileSteps => [.. Steps.SelectMany(step => Enumerable.Range(1, 3).Select(n => $"{step}:{(n * n) - n + 1}"))];

    private static string[] Steps =>
    [
        HubFailpoints.KeyMaterialWritten, StorageFailpoints.FileWritten, StorageFailpoints.FileFlushed,
        StorageFailpoints.FileRenamed, StorageFailpoints.FolderFlushed,
    ];

    [FaultTheory]
    [Trait("Category", "Long")]
    [MemberData(nameof(FileSteps))]
    public async Task A_hub_that_dies_while_it_is_initialized_can_be_initialized(string point)
    {
        using var folder = new TempFolder();
        string[] init =
        [
            "init", "--data-dir", folder.File("cloud"), "--advertise-address", "127.0.0.1",
            "--api-port", $"{FreePort.Next()}", "--hub-port", $"{FreePort.Next()}",
        ];
        var place = ProgramsPlace.Here;
        var died = await ProgramsCommand.RunAsync(ProgramsLocation.CloudCore, init, place: place.With(Failpoint.Variable, point));
        Assert.Equal(KilledBySigKill, died.ExitCode);
        Assert.Contains(Failpoint.Marker, died.Error, StringComparison.Ordinal);

        (await ProgramsCommand.RunAsync(ProgramsLocation.CloudCore, init)).Expect();
        var token = await ProgramsCommand.RunAsync(ProgramsLocation.CloudCore, ["gettoken", "--data-dir", folder.File("cloud")]);
        Assert.NotEmpty(token.Expect());
    }

    [FaultTheory]
    [Trait("Category", "Long")]
    [InlineData(StorageFailpoints.MigrationRun)]
    [InlineData(StorageFailpoints.MigrationCommitted)]
    public async Task A_hub_that_dies_while_it_makes_its_database_starts(string point)
    {
        await using var cloud = await ProgramsCloud.InitializedAsync();
        cloud.Place = cloud.Place.With(Failpoint.Variable, point);
        cloud.Launch();
        Assert.Equal(KilledBySigKill, await cloud.ExitAsync(TimeSpan.FromSeconds(20)));

        cloud.Place = ProgramsPlace.Here;
        await cloud.StartAsync();
        Assert.Equal("ok", EdgeStore.Integrity(cloud.DatabaseFile));
    }

    [FaultTheory]
    [Trait("Category", "Long")]
    [InlineData(HubFailpoints.TokenMade)]
    public async Task A_token_that_was_never_printed_hinders_no_other(string point)
    {
        await using var cloud = await ProgramsCloud.InitializedAsync();
        string[] get = ["gettoken", "--data-dir", cloud.DataFolder];
        var died = await ProgramsCommand.RunAsync(
            ProgramsLocation.CloudCore, get, place: ProgramsPlace.Here.With(Failpoint.Variable, point));
        Assert.Equal(KilledBySigKill, died.ExitCode);
        Assert.Empty(died.Output);
        Assert.NotEmpty(await cloud.GetTokenAsync());
    }
}
