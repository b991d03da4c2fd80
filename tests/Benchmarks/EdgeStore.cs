using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace EdgeSync.Benchmarks;

/// <summary>Looks into the agent's database from outside, read-only: an object is stored when its row is committed.</summary>
internal sealed class EdgeStore : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _command;
    private readonly SqliteParameter _key;

    public EdgeStore(string file)
    {
        SQLitePCL.Batteries_V2.Init();
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Mode = SqliteOpenMode.ReadOnly }.ToString());
        _connection.Open();
        _command = _connection.CreateCommand();
        _command.CommandText = "SELECT 1 FROM meta WHERE key = $key";
        _key = _command.Parameters.Add("$key", SqliteType.Text);
    }

    /// <summary>When the object's row was there (Stopwatch ticks), to the millisecond.</summary>
    public async Task<long> StoredAsync(string key)
    {
        var start = Stopwatch.GetTimestamp();
        _key.Value = key;
        while (_command.ExecuteScalar() is null)
        {
            if (Stopwatch.GetElapsedTime(start) > s_limit)
            {
                throw new TimeoutException($"{key} was not stored at the edge within {s_limit.TotalSeconds:0} s");
            }

            await Task.Delay(1);
        }

        return Stopwatch.GetTimestamp();
    }

    public void Dispose()
    {
        _command.Dispose();
        _connection.Dispose();
    }
}
