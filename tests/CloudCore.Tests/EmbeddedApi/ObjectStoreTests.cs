using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Store;
using EdgeSync.Storage;
using EdgeSync.TestKit;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

public sealed class ObjectStoreTests
{
    private static readonly NamespacedName s_key = new("", "a");

    [Fact]
    public async Task Revisions_grow_by_one_and_outlive_a_restart()
    {
        using var folder = new TempFolder();
        await using (var store = Open(folder))
        {
            Assert.Equal(2, (await PutAsync(store, "a", 0, "one")).Object!.ResourceVersion);
            Assert.Equal(3, (await PutAsync(store, "a", 2, "two")).Object!.ResourceVersion);
            Assert.Equal(4, (await RemoveAsync(store, "a", 3)).Object!.ResourceVersion);
        }

        await using var again = Open(folder);
        Assert.Equal(4, again.State.Revision);
        Assert.Null(again.State.Get("things", s_key));
        Assert.Equal(5, (await PutAsync(again, "a", 0, "three")).Object!.ResourceVersion);
        Assert.Contains("\"resourceVersion\":\"5\"", Text(again.State.Get("things", s_key)!), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_of_the_first_schema_is_brought_up_to_date_with_all_that_is_in_it()
    {
        using var folder = new TempFolder();
        await using (var store = Open(folder))
        {
            await PutAsync(store, "a", 0, "one");
            await PutAsync(store, "b", 0, "two");
        }

        using (var first = DatabaseFile.Open(folder.File(StoreDatabase.FileName), readOnly: false))
        {
            first.Execute(
                """
                CREATE TABLE first (resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, revision INTEGER NOT NULL,
                    value BLOB NOT NULL, PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
                INSERT INTO first SELECT resource, namespace, name, uid, revision, value FROM object;
                DROP TABLE object;
                ALTER TABLE first RENAME TO object;
                PRAGMA user_version = 1;
                """);
        }

        await using var again = Open(folder);
        Assert.Equal(3, again.State.Revision);
        Assert.Contains("one", Text(again.State.Get("things", s_key)!), StringComparison.Ordinal);
        Assert.Equal(4, (await PutAsync(again, "a", 2, "three")).Object!.ResourceVersion);
        Assert.Contains("two", Text(again.State.Get("things", new NamespacedName("", "b"))!), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_answered_is_in_a_copy_of_the_files_taken_without_closing()
    {
        using var folder = new TempFolder();
        using var copy = new TempFolder();
        await using var store = Open(folder);
        await PutAsync(store, "a", 0, "one");
        foreach (var file in Directory.GetFiles(folder.Path))
        {
            File.Copy(file, copy.File(Path.GetFileName(file)));
        }

        await using var crashed = Open(copy);
        Assert.Contains("one", Text(crashed.State.Get("things", s_key)!), StringComparison.Ordinal);
        Assert.Equal(2, crashed.State.Revision);
    }

    [Fact]
    public async Task A_change_made_from_an_old_version_is_stale()
    {
        using var folder = new TempFolder();
        await using var store = Open(folder);
        await PutAsync(store, "a", 0, "one");
        Assert.Equal(CommitOutcome.Stale, (await PutAsync(store, "a", 0, "two")).Outcome);
        Assert.Equal(CommitOutcome.Stale, (await PutAsync(store, "a", 7, "two")).Outcome);
        Assert.Equal(2, store.State.Revision);
    }

    [Fact]
    public async Task Of_many_writers_of_one_version_one_wins()
    {
        using var folder = new TempFolder();
        await using var store = Open(folder);
        await PutAsync(store, "a", 0, "one");
        var results = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => PutAsync(store, "a", 2, $"w{i}")));
        Assert.Single(results, r => r.Outcome == CommitOutcome.Committed);
        Assert.Equal(3, store.State.Revision);
    }

    [Fact]
    public async Task A_watch_resumes_after_a_restart_with_what_it_missed()
    {
        using var folder = new TempFolder();
        await using (var store = Open(folder))
        {
            await PutAsync(store, "a", 0, "one");
            await PutAsync(store, "a", 2, "two");
            await RemoveAsync(store, "a", 3);
        }

        await using var again = Open(folder);
        using var watch = again.Subscribe("things", 2);
        Assert.Equal([(ChangeType.Modified, 3L), (ChangeType.Deleted, 4L)], watch!.Replay.Select(c => (c.Type, c.Revision)));
        Assert.Contains("one", Text(watch.Replay[0].Previous!), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_from_before_the_kept_history_is_refused_also_after_a_restart()
    {
        using var folder = new TempFolder();
        await using (var store = Open(folder, new StoreLimits(HistoryChanges: 10)))
        {
            for (var i = 0; i < 600; i++)
            {
                await PutAsync(store, "a", i == 0 ? 0 : i + 1, $"v{i}");
            }

            Assert.Null(store.Subscribe("things", 500));
            using var recent = store.Subscribe("things", 595);
            Assert.Equal(6, recent!.Replay.Count);
        }

        await using var again = Open(folder, new StoreLimits(HistoryChanges: 10));
        Assert.Null(again.Subscribe("things", 5));
        Assert.Null(again.Subscribe("things", 100_000));
        using var other = again.Subscribe("others", 601);
        Assert.Empty(other!.Replay);
    }

    [Fact]
    public async Task A_watcher_that_does_not_read_is_closed_and_writers_go_on()
    {
        using var folder = new TempFolder();
        await using var store = Open(folder);
        using var slow = store.Subscribe("things", null);
        await Task.WhenAll(Enumerable.Range(0, 2000).Select(i => PutAsync(store, $"n{i}", 0, "x")));
        Assert.Equal(2001, store.State.Revision);
        var read = 0;
        while (slow!.TryRead(out _))
        {
            read++;
        }

        Assert.True(slow.Overflow.IsCompleted);
        Assert.InRange(read, 1, 1999);
    }

    [Fact]
    public async Task A_watcher_is_closed_by_the_bytes_that_wait_for_it_before_their_number_is_reached()
    {
        using var folder = new TempFolder();
        await using var store = Open(folder);
        using var slow = store.Subscribe("things", null);
        var large = new string('x', 512 * 1024);
        for (var i = 0; i < 12; i++)
        {
            await PutAsync(store, $"n{i}", 0, large);
        }

        Assert.True(slow!.Overflow.IsCompleted);
        var bytes = 0L;
        while (slow.TryRead(out var change))
        {
            bytes += change.Object.Json.Length;
        }

        Assert.InRange(bytes, 1, 4 << 20);
    }

    [Fact]
    public async Task An_object_larger_than_the_bytes_that_may_wait_still_reaches_a_watcher_that_reads()
    {
        using var folder = new TempFolder();
        await using var store = Open(folder);
        using var watch = store.Subscribe("things", null);
        await PutAsync(store, "a", 0, new string('x', 5 << 20));
        Assert.True(watch!.TryRead(out _));
        await PutAsync(store, "b", 0, "small");
        Assert.True(watch.TryRead(out _));
        Assert.False(watch.Overflow.IsCompleted);
    }

    [Fact]
    public async Task The_past_is_read_as_it_was_at_each_version_also_after_a_restart()
    {
        using var folder = new TempFolder();
        var random = new Random(7);
        var expected = new List<(long Revision, string Content)>();
        await using (var store = Open(folder))
        {
            for (var i = 0; i < 200; i++)
            {
                var name = $"n{random.Next(12)}";
                var present = store.State.Get("things", new NamespacedName("", name));
                var result = present is not null && random.Next(3) == 0
                    ? await RemoveAsync(store, name, present.ResourceVersion)
                    : await PutAsync(store, name, present?.ResourceVersion ?? 0, $"v{i}");
                Assert.Equal(CommitOutcome.Committed, result.Outcome);
                expected.Add((store.State.Revision, Content(store.State.Of("things").Values)));
            }

            Check(store, expected);
        }

        await using var again = Open(folder);
        Check(again, expected);
    }

    [Fact]
    public async Task A_past_that_is_compacted_is_not_made_up()
    {
        using var folder = new TempFolder();
        await using var store = Open(folder, new StoreLimits(HistoryChanges: 10));
        for (var i = 0; i < 30; i++)
        {
            await PutAsync(store, $"n{i}", 0, "x");
        }

        Assert.Equal(29, store.ObjectsAt("things", 30)!.Count);
        Assert.Equal(20, store.ObjectsAt("things", 21)!.Count);
        Assert.Null(store.ObjectsAt("things", 20));
    }

    private static void Check(ObjectStore store, List<(long Revision, string Content)> expected)
    {
        foreach (var (revision, content) in expected)
        {
            Assert.Equal(content, Content(store.ObjectsAt("things", revision)!.Values));
        }
    }

    private static string Content(IEnumerable<StoredObject> objects) => string.Join('\n', objects.Select(Text));

    [Fact]
    public async Task Writers_that_come_together_share_commits_and_watchers_see_their_order()
    {
        using var folder = new TempFolder();
        await using var store = Open(folder);
        using var watch = store.Subscribe("things", null);
        await Task.WhenAll(Enumerable.Range(0, 500).Select(i => PutAsync(store, $"n{i}", 0, "x")));
        for (var expected = 2L; expected <= 501; expected++)
        {
            Assert.True(watch!.TryRead(out var change));
            Assert.Equal(expected, change.Revision);
        }
    }

    [Fact]
    public async Task A_new_object_needs_its_namespace()
    {
        using var folder = new TempFolder();
        await using var store = Open(folder);
        var mutation = Mutation(new NamespacedName("ns", "a"), 0, "x") with { NeedsNamespace = true };
        Assert.Equal(CommitOutcome.NamespaceMissing, (await store.CommitAsync(mutation, default)).Outcome);
    }

    [Fact]
    public void A_damaged_file_is_an_error_that_names_restore_and_stays_where_it_is()
    {
        using var folder = new TempFolder();
        var garbage = Encoding.ASCII.GetBytes(new string('x', 8192));
        File.WriteAllBytes(folder.File("cloudcore.db"), garbage);
        var error = Assert.Throws<DatabaseException>(() => Open(folder));
        Assert.Contains("restore", error.Message, StringComparison.Ordinal);
        Assert.Equal(garbage, File.ReadAllBytes(folder.File("cloudcore.db")));
    }

    private static ObjectStore Open(TempFolder folder, StoreLimits? limits = null) =>
        ObjectStore.Open(folder.Path, limits ?? new StoreLimits(), TimeProvider.System);

    private static Task<CommitResult> PutAsync(ObjectStore store, string name, long expected, string value) =>
        store.CommitAsync(Mutation(new NamespacedName("", name), expected, value), default);

    private static Task<CommitResult> RemoveAsync(ObjectStore store, string name, long expected) =>
        store.CommitAsync(Mutation(new NamespacedName("", name), expected, "gone") with { Remove = true }, default);

    private static Mutation Mutation(NamespacedName key, long expected, string value) => new()
    {
        Resource = "things",
        Key = key,
        Uid = "u",
        ExpectedVersion = expected,
        Object = PreparedObject.From(new JsonObject { ["metadata"] = new JsonObject { ["name"] = key.Name }, ["value"] = value }),
    };

    private static string Text(StoredObject stored) => Encoding.UTF8.GetString(stored.Json);
}
