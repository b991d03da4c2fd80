using System.Globalization;
using EdgeSync.CloudCore.Configuration;
using EdgeSync.Hosting;
using EdgeSync.Storage;

namespace EdgeSync.CloudCore.Commands;

/// <summary>
/// Held by the one cloudcore that runs on a data folder: two would serve two states from one database. The kernel lets go of it when the
/// process ends, however it ends.
/// </summary>
internal sealed class DataFolderLock : IDisposable
{
    private readonly CloudFiles _files;
    private readonly FileStream _lock;

    private DataFolderLock(CloudFiles files, FileStream held)
    {
        _files = files;
        _lock = held;
    }

    /// <exception cref="CommandFailedException">Another cloudcore runs on the folder.</exception>
    public static DataFolderLock Take(CloudFiles files)
    {
        FileStream held;
        try
        {
            // no sharing is an exclusive flock
            held = new FileStream(files.RunLock, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = DurableFile.OwnerOnly,
            });
        }
        catch (IOException) when (File.Exists(files.RunLock))
        {
            var holder = File.Exists(files.RunPid) ? $" (process {File.ReadAllText(files.RunPid)})" : "";
            throw new CommandFailedException($"{files.DataDir} is held by a cloudcore that runs already{holder}; stop it first");
        }

        DurableFile.Write(files.RunPid, Environment.ProcessId.ToString(CultureInfo.InvariantCulture), DurableFile.OwnerOnly);
        return new DataFolderLock(files, held);
    }

    public void Dispose()
    {
        File.Delete(_files.RunPid);
        _lock.Dispose();
    }
}
