using System.Net.Security;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace EdgeSync.CloudCore.CloudHub;

/// <summary>
/// Makes OpenSSL give a connection's record buffers back while nothing passes (<c>SSL_MODE_RELEASE_BUFFERS</c>): 14 KB of what
/// an idle TLS session holds. .NET has no setting for it, so the session's handle is taken from where it keeps
/// it; where that or the library is another than expected, connections work as before and only cost more.
/// </summary>
internal static class TlsBuffers
{
    private const int ControlMode = 33; // SSL_CTRL_MODE
    private const nint ReleaseBuffers = 0x10; // SSL_MODE_RELEASE_BUFFERS

    private static readonly FieldInfo? s_handle =
        typeof(SslStream).GetField("_securityContext", BindingFlags.Instance | BindingFlags.NonPublic);

    private static readonly Control? s_control = Load();

    private delegate nint Control(nint ssl, int command, nint argument, nint pointer);

    /// <summary>Sets the mode on a connection whose handshake is done; call it before anything is read, so that the buffers never pile up.</summary>
    /// <returns>False where this runtime does not allow it.</returns>
    public static bool ReleaseWhenIdle(ConnectionContext connection)
    {
        if (s_control is null
            || connection.Features.Get<ISslStreamFeature>() is not { } tls
            || s_handle?.GetValue(tls.SslStream) is not SafeHandle { IsInvalid: false } handle
            || handle.GetType().Name != "SafeSslHandle")
        {
            return false;
        }

        var held = false;
        try
        {
            handle.DangerousAddRef(ref held);
            return (s_control(handle.DangerousGetHandle(), ControlMode, ReleaseBuffers, 0) & ReleaseBuffers) != 0;
        }
        finally
        {
            if (held)
            {
                handle.DangerousRelease();
            }
        }
    }

    /// <summary>Of the library that the runtime has loaded itself.</summary>
    private static Control? Load() =>
        NativeLibrary.TryLoad("libssl.so.3", out var library) && NativeLibrary.TryGetExport(library, "SSL_ctrl", out var address)
            ? Marshal.GetDelegateForFunctionPointer<Control>(address)
            : null;
}
