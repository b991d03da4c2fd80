using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace EdgeSync.Storage;

/// <summary>
/// Chooses the native SQLite: the system's maintained libsqlite3 where it is there, else the one that the
/// package brings (3.35).
/// </summary>
internal static class SqliteNative
{
    private static readonly Lazy<bool> s_ready = new(Initialize);

    public static void EnsureReady() => _ = s_ready.Value;

    private static bool Initialize()
    {
        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        return true;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) =>
        name == "e_sqlite3" && NativeLibrary.TryLoad("libsqlite3.so.0", out var system) ? system : 0;
}
