using System.Collections.Immutable;

namespace EdgeSync.TestKit;

/// <summary>Where and how programs are started: in which network, by which tool, with which environment.</summary>
public sealed record ProgramsPlace
{
    /// <summary>As the tests themselves run.</summary>
    public static ProgramsPlace Here { get; } = new();

    /// <summary>The network they live in; null for the machine's.</summary>
    public NetworkNamespace? Network { get; init; }

    /// <summary>A command that runs the command after it in the same process (<c>strace -D …</c>); empty for none.</summary>
    public ImmutableArray<string> Through { get; init; } = [];

    /// <summary>Variables beside those of this process.</summary>
    public ImmutableDictionary<string, string> Environment { get; init; } = ImmutableDictionary<string, string>.Empty;

    public ProgramsPlace With(string variable, string value) => this with { Environment = Environment.SetItem(variable, value) };

    /// <summary>A client for what listens there.</summary>
    public HttpClient NewClient(SocketsHttpHandler handler)
    {
        if (Network is { } network)
        {
            handler.UseProxy = false;
            handler.ConnectCallback = async (context, cancellationToken) =>
                await network.ConnectAsync(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, context.DnsEndPoint.Port), cancellationToken);
        }

        return new HttpClient(handler);
    }

    /// <summary>The command line that starts the program there.</summary>
    internal (string File, IReadOnlyList<string> Arguments) CommandLine(string file, IReadOnlyList<string> arguments)
    {
        ImmutableArray<string> line = Network is { } network ? ["nsenter", network.EnterArgument, .. Through] : Through;
        return line.IsEmpty ? (file, arguments) : (line[0], [.. line[1..], ProgramsCommand.Find(file) ?? file, .. arguments]);
    }
}
