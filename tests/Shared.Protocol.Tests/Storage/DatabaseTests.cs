using System.Buffers.Binary;
using EdgeSync.Storage;
using EdgeSync.TestKit;

namespace EdgeSync.Protocol.Tests.Storage;

public sealed class DatabaseTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_completed_write_is_there_after_reopening()
    {
        await using (var database = Open())
        {
            await Put(database, "a");
        }

        await using var again = Open();
        Assert.Equal(["a"], Rows(again));
    }

    [Fact]
    public async Task A_write_that_throws_takes_nothing_with_it_and_leaves_nothing()
    {
        await using var database = Open();
        var writes = Enumerable.Range(0, 100).Select(async n =>
        {
            try
            {
                await database.WriteAsync(
                    session =>
                    {
                        session.Execute("INSERT INTO t (v) VALUES ($1)", $"{n}");
                        if (n % 10 == 0)
                        {
                            throw new InvalidOperationException("no");
                        }
                    },
                    CancellationToken.None);
                return true;
            }
            catch (InvalidOperationException)
            {
                return false;
            }
        });
        var outcomes = await Task.WhenAll(writes);

        Assert.Equal(90, outcomes.Count(o => o));
        Assert.Equal(90, Rows(database).Count);
        Assert.DoesNotContain("10", Rows(database));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5000)]
    public async Task A_damaged_file_is_set_aside_and_a_new_one_begun(int offset)
    {
        await using (var database = Open())
        {
            for (var n = 0; n < 200; n++)
            {
                await Put(database, new string((char)('a' + (n % 26)), 200));
            }
        }

        Damage(offset);
        await using var again = Open();

        Assert.NotNull(again.SetAsideFile);
        Assert.True(File.Exists(again.SetAsideFile));
        Assert.Empty(Rows(again));
    }

    [Fact]
    public async Task A_damaged_file_that_must_not_be_set_aside_is_an_error_that_says_what_to_do()
    {
        await (await Task.Run(() => Open())).DisposeAsync();
        Damage(0);

        var error = Assert.Throws<DatabaseException>(() => Open(setAside: false));
        Assert.Contains("restore it from a backup", error.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder.File("t.db")));
    }

    [Fact]
    public async Task A_file_of_a_newer_version_is_refused()
    {
        await Open(migrations: ["CREATE TABLE t (v TEXT)", "CREATE TABLE u (v TEXT)"]).DisposeAsync();

        var error = Assert.Throws<DatabaseException>(() => Open());
        Assert.Contains("newer version", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_later_version_brings_an_older_file_up_and_keeps_its_rows()
    {
        await using (var old = Open())
        {
            await Put(old, "kept");
        }

        await using var database = Open(migrations: ["CREATE TABLE t (v TEXT)", "ALTER TABLE t ADD COLUMN w TEXT; CREATE TABLE u (v TEXT)"]);
        Assert.Equal(["kept"], Rows(database));
        Assert.Empty(database.Read(s => s.Query("SELECT v FROM u", r => r.GetString(0))));
    }

    [Fact]
    public async Task The_write_ahead_log_is_brought_into_the_file_beside_the_writes_and_begins_anew()
    {
        await using var database = Open(checkpointPages: 20);
        var row = new string('x', 4000);
        var rows = 0;
        await Eventually.HoldsAsync("the log has begun anew three times", async () =>
        {
            await Put(database, row);
            rows++;
            return TimesBegunAnew() >= 3;
        });

        Assert.Equal(rows, Rows(database).Count);

        // a copy that was taken while a merge still ran can be of two moments; nothing is written any more, so it is soon of one
        await Eventually.HoldsAsync("most of it is in the file", () =>
        {
            File.Copy(_folder.File("t.db"), _folder.File("alone.db"), overwrite: true);
            using var alone = DatabaseFile.Open(_folder.File("alone.db"), readOnly: true);
            return (long)alone.Scalar("SELECT count(*) FROM t")! is var count && count >= 1 && count <= rows;
        });
    }

    /// <summary>The checkpoint sequence number of the log's header (SQLite file format, 4.1): bytes 12 to 15, big-endian.</summary>
    private uint TimesBegunAnew()
    {
        using var log = new FileStream(_folder.File("t.db-wal"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Span<byte> header = stackalloc byte[16];
        return log.ReadAtLeast(header, 16, throwOnEndOfStream: false) < 16 ? 0 : BinaryPrimitives.ReadUInt32BigEndian(header[12..]);
    }

    private Database Open(bool setAside = true, string[]? migrations = null, int checkpointPages = 1000) => Database.Open(new DatabaseOptions
    {
        CheckpointPages = checkpointPages,
        Path = _folder.File("t.db"),
        Migrations = migrations ?? ["CREATE TABLE t (v TEXT)"],
        SetDamagedAside = setAside,
    });

    private void Damage(int offset)
    {
        using var file = File.OpenWrite(_folder.File("t.db"));
        file.Position = offset;
        file.Write(Enumerable.Repeat((byte)0xA5, 4096).ToArray());
    }

    private static Task Put(Database database, string value) =>
        database.WriteAsync(session => { session.Execute("INSERT INTO t (v) VALUES ($1)", value); }, CancellationToken.None);

    private static List<string> Rows(Database database) =>
        database.Read(session => session.Query("SELECT v FROM t", row => row.GetString(0)));
}
