using System.Text;
using EdgeSync.EdgeCore.EdgeStream;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.EdgeStream;

public sealed class LogCopyTests : IDisposable
{
    private const string Time = "2026-03-01T08:12:31.000000001Z";
    private readonly TempFolder _folder = new();

    private string Log => _folder.File("0.log");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Parts_of_a_line_are_one_line_with_one_time()
    {
        Write($"{Time} stdout P one \n{Time} stderr P two \n{Time} stdout F three\n{Time} stdout F \n{Time} stdout F last\n");

        Assert.Equal("one two three\n\nlast\n", await CopyAsync(new LogOptions()));
        Assert.Equal($"{Time} one two three\n{Time} \n{Time} last\n", await CopyAsync(new LogOptions { Timestamps = true }));
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "c\n")]
    [InlineData(2, "b\nc\n")]
    [InlineData(3, "a\nb\nc\n")]
    [InlineData(99, "a\nb\nc\n")]
    public async Task A_tail_is_the_last_lines(long lines, string expected)
    {
        Write(string.Concat("abc".Select(c => $"{Time} stdout F {c}\n")));

        Assert.Equal(expected, await CopyAsync(new LogOptions { TailLines = lines }));
    }

    [Fact]
    public async Task A_tail_is_found_in_a_long_log()
    {
        Write(string.Concat(Enumerable.Range(0, 50_000).Select(i => $"{Time} stdout F line {i}\n")));

        var tail = await CopyAsync(new LogOptions { TailLines = 3000 });

        Assert.StartsWith("line 47000\n", tail, StringComparison.Ordinal);
        Assert.EndsWith("line 49999\n", tail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_older_or_too_much_or_no_line_is_left_out()
    {
        Write($"2026-03-01T08:00:00Z stdout F old\nnot a line\n\n{Time} nowhere F x\n{Time} stdout F new\n");

        Assert.Equal("new\n", await CopyAsync(new LogOptions { Since = DateTimeOffset.Parse("2026-03-01T08:10:00Z", System.Globalization.CultureInfo.InvariantCulture) }));
        Assert.Equal("old\nn", await CopyAsync(new LogOptions { LimitBytes = 5 }));
    }

    [Fact]
    public async Task A_followed_log_goes_on_in_the_next_file_and_loses_nothing()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var running = true;
        var (reading, writing) = DuplexPair.Create();
        Write($"{Time} stdout F 0\n");
        var copying = Task.Run(async () =>
        {
            await new LogCopy(new LogOptions { Follow = true }, _ => Task.FromResult(Volatile.Read(ref running)), writing, TimeProvider.System).RunAsync(Log, limit.Token);
            await writing.DisposeAsync();
        });
        using var lines = new StreamReader(reading);
        Assert.Equal("0", await lines.ReadLineAsync(limit.Token));
        for (var i = 1; i <= 3; i++)
        {
            File.AppendAllText(Log, $"{Time} stdout F before {i}\n");
            File.Move(Log, $"{Log}.{i}");
            File.AppendAllText($"{Log}.{i}", $"{Time} stdout F between {i}\n"); // the runtime has not opened the new one yet
            Write($"{Time} stdout F after {i}\n");
            foreach (var expected in (string[])[$"before {i}", $"between {i}", $"after {i}"])
            {
                Assert.Equal(expected, await lines.ReadLineAsync(limit.Token));
            }
        }

        Volatile.Write(ref running, false);
        Assert.Null(await lines.ReadLineAsync(limit.Token));
        await copying;
    }

    [Fact]
    public void What_is_written_to_the_old_file_when_the_next_one_is_there_already_is_read()
    {
        Write($"{Time} stdout F first\n");
        using var file = new LogFile(Log);
        Assert.Equal("first", Next(file));
        File.Move(Log, $"{Log}.1");
        Write($"{Time} stdout F third\n");
        Assert.False(file.TryGoOn());
        Assert.True(file.HasNext);

        File.AppendAllText($"{Log}.1", $"{Time} stdout F second\n");
        Assert.True(file.TryGoOn());
        Assert.Equal("second", Next(file));
        Assert.True(file.TryGoOn());
        Assert.Equal("third", Next(file));
        Assert.False(file.HasNext);

        static string? Next(LogFile file) => file.TryRead(out var line) ? Encoding.UTF8.GetString(line)[$"{Time} stdout F ".Length..] : null;
    }

    private void Write(string text) => File.WriteAllText(Log, text);

    private async Task<string> CopyAsync(LogOptions options)
    {
        using var to = new MemoryStream();
        await new LogCopy(options, _ => Task.FromResult(false), to, TimeProvider.System).RunAsync(Log, default);
        return Encoding.UTF8.GetString(to.ToArray());
    }
}
