using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore;
using EdgeSync.Integration.Tests.World;
using EdgeSync.Storage;
using EdgeSync.TestKit;
using Xunit.Abstractions;

namespace EdgeSync.Integration.Tests.Faults;

/// <summary>cloudcore backup and restore, as an operator uses them, and what happens when they die half-way.</summary>
public sealed class BackupTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Points that only these commands pass.</summary>
    internal static readonly string[] Own =
    [
        HubFailpoints.BackupCopied, HubFailpoints.BackupChecked,
        HubFailpoints.RestorePrepared, HubFailpoints.RestoreKept, HubFailpoints.RestoreDone,
    ];

    private const string Maps = "/api/v1/namespaces/default/configmaps";
    private const int KilledBySigKill = 128 + 9;

    private readonly TempFolder _folder = new();

    public static TheoryData<string> RestorePoints =>
        [HubFailpoints.RestorePrepared, HubFailpoints.RestoreKept, StorageFailpoints.FileRenamed, StorageFailpoints.FolderFlushed, HubFailpoints.RestoreDone];

    private string Backup => _folder.File("hub.db");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_backup_made_under_writes_is_of_one_moment_and_restores_to_it()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        using var client = cloud.NewAdministratorClient();
        await PutAsync(client, "first", 0);
        using var ending = new CancellationTokenSource();

        // pairs: the second of a pair is written only after the first was answered, so a copy of one moment never has it alone
        var writing = Task.Run(async () =>
        {
            var pair = 0;
            for (; !ending.IsCancellationRequested; pair++)
            {
                await PutAsync(client, $"a{pair}", pair);
                await PutAsync(client, $"b{pair}", pair);
            }

            return pair;
        });
        await Eventually.HoldsAsync("some pairs are there", async () => (await NamesAsync(client)).Count > 40);
        var before = await NamesAsync(client);
        var said = (await ProgramsCloud.CommandAsync("backup", Backup, "--data-dir", cloud.DataFolder)).Expect();
        await ending.CancelAsync();
        var pairs = await writing;
        Assert.Contains("checked", said, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Backup));
        Assert.Equal([Backup], Directory.GetFiles(_folder.Path));
        var after = await VersionAsync(client);
        await cloud.StopAsync();

        var restored = (await ProgramsCloud.CommandAsync("restore", Backup, "--data-dir", cloud.DataFolder)).Expect();
        Assert.Contains("What was there is kept: ", restored, StringComparison.Ordinal);
        await cloud.StartAsync();
        var names = await NamesAsync(client);
        Assert.Superset(before, names);
        Assert.DoesNotContain($"b{pairs}", names);
        for (var i = 0; names.Contains($"b{i}"); i++)
        {
            Assert.Contains($"a{i}", names);
        }

        Assert.True(await VersionAsync(client) > after + 1_000_000, "versions jump ahead of all that were given");
    }

    [Fact]
    public async Task Who_watched_before_a_restore_is_told_to_list_anew_and_no_version_is_given_twice()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        using var client = cloud.NewAdministratorClient();
        await PutAsync(client, "kept", 1);
        (await ProgramsCloud.CommandAsync("backup", Backup, "--data-dir", cloud.DataFolder)).Expect();
        await PutAsync(client, "lost", 1);
        var version = await VersionAsync(client);
        await cloud.StopAsync();
        (await ProgramsCloud.CommandAsync("restore", Backup, "--data-dir", cloud.DataFolder)).Expect();
        await cloud.StartAsync();

        foreach (var resource in (string[])["/api/v1/configmaps", "/api/v1/pods", "/apis/apps/v1/daemonsets"])
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            using var stream = new StreamReader(await client.GetStreamAsync(new Uri($"{resource}?watch=1&resourceVersion={version}", UriKind.Relative), deadline.Token));
            var error = JsonNode.Parse((await stream.ReadLineAsync(deadline.Token))!)!;
            Assert.Equal(("ERROR", 410), ((string?)error["type"], (int)error["object"]!["code"]!));
        }

        await PutAsync(client, "new", 1);
        Assert.True(await VersionAsync(client) > version);
        Assert.DoesNotContain("lost", await NamesAsync(client));
    }

    [Fact]
    public async Task A_running_hub_a_damaged_file_and_a_foreign_one_are_refused_and_change_nothing()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        (await ProgramsCloud.CommandAsync("backup", Backup, "--data-dir", cloud.DataFolder)).Expect();
        await RefusedAsync(cloud, "restore", Backup, "is held by a cloudcore that runs already");
        await RefusedAsync(cloud, "backup", Backup, "exists already");
        await cloud.StopAsync();
        var database = await File.ReadAllBytesAsync(cloud.DatabaseFile);

        var damaged = await File.ReadAllBytesAsync(Backup);
        Random.Shared.NextBytes(damaged.AsSpan(4096, damaged.Length / 2));
        await File.WriteAllBytesAsync(_folder.File("damaged.db"), damaged);
        await RefusedAsync(cloud, "restore", _folder.File("damaged.db"), "damaged");

        var cut = (await File.ReadAllBytesAsync(Backup))[..^4096];
        await File.WriteAllBytesAsync(_folder.File("cut.db"), cut);
        await RefusedAsync(cloud, "restore", _folder.File("cut.db"), "damaged");

        await File.WriteAllTextAsync(_folder.File("text.db"), "this is no database at all, and longer than a header is");
        await RefusedAsync(cloud, "restore", _folder.File("text.db"), "no database");
        EdgeStore.Make(_folder.File("foreign.db"), "CREATE TABLE t (x)");
        await RefusedAsync(cloud, "restore", _folder.File("foreign.db"), "not a backup that cloudcore made");
        await RefusedAsync(cloud, "restore", _folder.File("none.db"), "there is no");
        Assert.Equal(database, await File.ReadAllBytesAsync(cloud.DatabaseFile));
        await cloud.StartAsync();
    }

    [Fact]
    public async Task With_keys_a_new_folder_becomes_the_same_hub_and_without_them_no_key_is_in_the_file()
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        using var client = cloud.NewAdministratorClient();
        await PutAsync(client, "kept", 1);
        (await ProgramsCloud.CommandAsync("backup", Backup, "--data-dir", cloud.DataFolder)).Expect();
        var whole = _folder.File("whole.db");
        (await ProgramsCloud.CommandAsync("backup", whole, "--with-keys", "--data-dir", cloud.DataFolder)).Expect();
        var key = await File.ReadAllTextAsync(Path.Combine(cloud.DataFolder, "pki", "ca.key"));
        var secret = key.Split('\n')[1];
        Assert.DoesNotContain(secret, System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(Backup)), StringComparison.Ordinal);
        await cloud.StopAsync();
        await RefusedAsync(cloud, "restore", Backup, "holds no keys", "--with-keys");

        // the disk is lost; another folder takes its place
        Directory.Delete(cloud.DataFolder, recursive: true);
        Directory.CreateDirectory(cloud.DataFolder);
        (await ProgramsCloud.CommandAsync("restore", whole, "--with-keys", "--data-dir", cloud.DataFolder)).Expect();
        Assert.Equal(key, await File.ReadAllTextAsync(Path.Combine(cloud.DataFolder, "pki", "ca.key")));
        Assert.DoesNotContain(secret, System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(cloud.DatabaseFile)), StringComparison.Ordinal);
        await cloud.StartAsync();
        Assert.Contains("kept", await NamesAsync(client)); // with the administrator's old certificate
    }

    [Theory]
    [MemberData(nameof(RestorePoints))]
    public async Task A_restore_that_dies_leaves_the_old_state_or_the_new_and_can_be_done_again(string point)
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        using var client = cloud.NewAdministratorClient();
        await PutAsync(client, "kept", 1);
        (await ProgramsCloud.CommandAsync("backup", Backup, "--data-dir", cloud.DataFolder)).Expect();
        await PutAsync(client, "later", 1);
        await cloud.KillAsync(); // its log is not merged

        var died = await ProgramsCommand.RunAsync(
            ProgramsLocation.CloudCore, ["restore", Backup, "--data-dir", cloud.DataFolder], place: ProgramsPlace.Here.With(Failpoint.Variable, point));
        Assert.Equal(KilledBySigKill, died.ExitCode);
        await cloud.StartAsync();
        var names = await NamesAsync(client);
        Assert.Contains("kept", names);
        output.WriteLine($"{point}: {(names.Contains("later") ? "the old state" : "the new one")}");
        await cloud.StopAsync();

        (await ProgramsCloud.CommandAsync("restore", Backup, "--data-dir", cloud.DataFolder)).Expect();
        await cloud.StartAsync();
        names = await NamesAsync(client);
        Assert.Contains("kept", names);
        Assert.DoesNotContain("later", names);
    }

    [Theory]
    [InlineData(HubFailpoints.BackupCopied)]
    [InlineData(HubFailpoints.BackupChecked)]
    public async Task A_backup_that_dies_leaves_no_file_of_that_name_and_hinders_no_other(string point)
    {
        await using var cloud = await ProgramsCloud.StartNewAsync();
        string[] backup = ["backup", Backup, "--data-dir", cloud.DataFolder];
        var died = await ProgramsCommand.RunAsync(ProgramsLocation.CloudCore, backup, place: ProgramsPlace.Here.With(Failpoint.Variable, point));
        Assert.Equal(KilledBySigKill, died.ExitCode);
        Assert.False(File.Exists(Backup));
        (await ProgramsCommand.RunAsync(ProgramsLocation.CloudCore, backup)).Expect();
        Assert.True(File.Exists(Backup));
    }

    [EndToEndFact]
    public async Task An_edge_comes_to_the_restored_state_by_itself()
    {
        await using var world = await EdgeWorld.StartAsync(output);
        await world.RunDaemonSetAsync(new TestDaemonSet("kept") { Level = "debug" });
        (await ProgramsCloud.CommandAsync("backup", Backup, "--data-dir", world.Cloud.DataFolder)).Expect();
        await world.Kubectl.ApplyAsync((new TestDaemonSet("kept") with { Level = "trace" }).ConfigMapYaml());
        await world.EventuallyAsync("the change is at the edge", async () => await world.Pods.ReadFileAsync("kept", "/etc/settings/level") == "trace", TimeSpan.FromSeconds(90));
        var container = await world.Pods.OneAsync("kept");
        await world.RunDaemonSetAsync(new TestDaemonSet("later"));
        await world.Cloud.StopAsync();
        (await ProgramsCloud.CommandAsync("restore", Backup, "--data-dir", world.Cloud.DataFolder)).Expect();
        await world.Cloud.StartAsync();

        await world.EventuallyAsync("what was lost is off the box", async () => (await world.Pods.RunningAsync("later")).Count == 0, TimeSpan.FromSeconds(90));
        await world.EventuallyAsync("the old content is back", async () => await world.Pods.ReadFileAsync("kept", "/etc/settings/level") == "debug", TimeSpan.FromSeconds(90));
        Assert.Equal(container, await world.Pods.OneAsync("kept"));
        await world.NodeIsReadyAsync();
    }

    private static async Task RefusedAsync(ProgramsCloud cloud, string command, string file, string why, params string[] more)
    {
        var result = await ProgramsCommand.RunAsync(ProgramsLocation.CloudCore, [command, file, "--data-dir", cloud.DataFolder, .. more]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(why, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd('\n').Split('\n'));
    }

    private static async Task PutAsync(HttpClient client, string name, int value)
    {
        using var response = await client.PostAsJsonAsync(new Uri(Maps, UriKind.Relative), new JsonObject
        {
            ["metadata"] = new JsonObject { ["name"] = name },
            ["data"] = new JsonObject { ["value"] = value.ToString(CultureInfo.InvariantCulture) },
        });
        response.EnsureSuccessStatusCode();
    }

    private static async Task<HashSet<string>> NamesAsync(HttpClient client) =>
        [.. ((JsonArray)(await ListAsync(client))["items"]!).Select(i => (string)i!["metadata"]!["name"]!)];

    private static async Task<long> VersionAsync(HttpClient client) =>
        long.Parse((string)(await ListAsync(client))["metadata"]!["resourceVersion"]!, CultureInfo.InvariantCulture);

    private static async Task<JsonNode> ListAsync(HttpClient client) => JsonNode.Parse(await client.GetStringAsync(new Uri(Maps, UriKind.Relative)))!;
}
