using System.Globalization;
using System.Net.Sockets;
using EdgeSync.CloudCore.Tests.Enrollment;
using EdgeSync.EdgeCore.Commands;
using EdgeSync.EdgeCore.Configuration;
using EdgeSync.TestKit;

namespace EdgeSync.EdgeCore.Tests.Commands;

/// <summary>A box that may join: a data folder, and a socket that takes connections as a runtime does.</summary>
internal sealed class JoinBox : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly Socket _runtime = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public JoinBox()
    {
        Files = new EdgeFiles(_folder.File("edge"));
        _runtime.Bind(new UnixDomainSocketEndPoint(_folder.File("runtime.sock")));
        _runtime.Listen();
    }

    public EdgeFiles Files { get; }

    public string Endpoint => "unix://" + _folder.File("runtime.sock");

    public string File(string name) => _folder.File(name);

    /// <summary>The arguments of a join that works, with a fresh token; a later option of the same name would be one too many.</summary>
    public string[] Arguments(EnrollmentHost host, string? token = null, string node = "edge-1", string? hub = null, string? runtime = null) =>
    [
        "join",
        $"--cloudcore-ipport={hub ?? HubOf(host)}",
        .. token == "" ? Array.Empty<string>() : [$"--token={token ?? TokenOf(host)}"],
        $"--node-name={node}",
        "--data-dir", Files.DataDir,
        "--remote-runtime-endpoint", runtime ?? Endpoint,
        "--mqtt-server", string.Create(CultureInfo.InvariantCulture, $"tcp://127.0.0.1:{FreePort.Next()}"),
    ];

    public Task<CommandOutcome> JoinAsync(EnrollmentHost host, string? token = null, EdgeCoreParts? parts = null) =>
        EdgeCommand.RunAsync(parts ?? EdgeCommand.Parts, Arguments(host, token));

    public static string TokenOf(EnrollmentHost host) => host.Authority.NewToken(TimeSpan.FromHours(1)).Reveal();

    public static string HubOf(EnrollmentHost host) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{host.Port}");

    public void Dispose()
    {
        _runtime.Dispose();
        _folder.Dispose();
    }
}
