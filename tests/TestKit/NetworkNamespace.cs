using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace EdgeSync.TestKit;

/// <summary>
/// A network of the test's own: interfaces, addresses, routes and ports that nothing else on the machine sees. It has no
/// name: a thread of this process lives in it and keeps it, so that it ends with its programs and this process, also
/// after a crash. Other threads never enter it.
/// </summary>
public sealed partial class NetworkNamespace : IDisposable
{
    private const int CloneNewNetwork = 0x40000000;

    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;
    private int _threadId;

    public NetworkNamespace()
    {
        using var ready = new ManualResetEventSlim();
        Exception? failed = null;
        _thread = new Thread(() =>
        {
            failed = Enter();
            ready.Set();
            foreach (var action in _work.GetConsumingEnumerable())
            {
                action();
            }
        })
        {
            IsBackground = true,
            Name = "network-namespace",
        };
        _thread.Start();
        ready.Wait();
        if (failed is not null)
        {
            throw failed;
        }
    }

    /// <summary>The arguments of <c>nsenter</c> that bring a program into this network, and into nothing else.</summary>
    public string EnterArgument => $"--net={Path}";

    /// <summary>The kernel's file of this network, for programs that take one.</summary>
    public string Path => string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/task/{_threadId}/ns/net");

    /// <summary>Why no namespace can be made here; null where one can.</summary>
    public static string? WhyNot()
    {
        if (Environment.UserName != "root")
        {
            return "network namespaces need root";
        }

        if (!File.Exists("/dev/net/tun"))
        {
            return "the kernel has no /dev/net/tun";
        }

        string[] needs = ["nsenter", "ip"];
        return needs.FirstOrDefault(p => !ProgramsCommand.Exists(p)) is { } missing ? $"{missing} is not installed" : null;
    }

    /// <summary>Runs <paramref name="work"/> on the thread that lives in the namespace; what it opens belongs there.</summary>
    public T Run<T>(Func<T> work)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _work.Add(() =>
        {
            try
            {
                result.SetResult(work());
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        });
        return result.Task.GetAwaiter().GetResult();
    }

    /// <summary>Runs <c>ip</c> there.</summary>
    public async Task IpAsync(params string[] arguments) =>
        (await ProgramsCommand.RunAsync("nsenter", [EnterArgument, "ip", .. arguments])).Expect();

    /// <summary>Connects to what listens there.</summary>
    public async Task<Stream> ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken)
    {
        // a socket belongs to the namespace in which it was made, whoever uses it
        var socket = Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_work.IsAddingCompleted)
        {
            return;
        }

        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private InvalidOperationException? Enter()
    {
        if (Unshare(CloneNewNetwork) != 0)
        {
            return new InvalidOperationException($"no network namespace: {Marshal.GetLastPInvokeErrorMessage()}");
        }

        _threadId = ThreadId();
        return null;
    }

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int ThreadId();
}
