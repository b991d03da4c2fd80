using EdgeSync.CloudCore.CloudStream;
using EdgeSync.CloudCore.CloudStream.RemoteCommand;
using Microsoft.AspNetCore.WebUtilities;

namespace EdgeSync.CloudCore.Tests.CloudStream;

public sealed class RemoteQueryTests
{
    [Fact]
    public void Every_word_of_a_command_arrives_and_nothing_in_it_has_a_meaning_in_a_query()
    {
        string[] command = ["sh", "-c", "echo a; echo \"b c\" >&2 && x=1+2 #%3B", "", " ", .. Enumerable.Range(1, 126).Select(c => $"{(char)c}"), "ü😀"];

        var query = RemoteQuery.ForKubelet(new RemoteChannels(Stdin: true, Stdout: true, Stderr: false, Tty: true), command);

        // the characters that RFC 3986 reserves for nothing, and what separates parameters
        Assert.All(query, c => Assert.True(char.IsAsciiLetterOrDigit(c) || "-._~%&=".Contains(c, StringComparison.Ordinal), $"{c} stands in the query"));
        Assert.DoesNotContain('+', query);
        var read = QueryHelpers.ParseQuery(query);
        Assert.Equal(command, read["command"].Select(word => word ?? ""));
        Assert.Equal(["input", "output", "tty", "command"], read.Keys);
    }
}
