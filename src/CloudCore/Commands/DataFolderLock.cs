using System.Globalization;
using System.Text;
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
    private readonly FileStream _file;

    private DataFolderLock(FileStream file) => _file = file;

    /// <exception cref="CommandFailedException">Another cloudcore runs on the folder.</exception>
    public static DataFolderLock Take(CloudFiles files)
    {
        FileStream file;
        try
        {
            // no sharing is an exclusive flock
            file = new FileStream(files.RunLock, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,
                Share = FileShare.None,
                UnixCreateMode = DurableFile.OwnerOnly,
            });
        }
        catch (IOException) when (Holder(files) is { Length: > 0 } holder)
        {
            throw new CommandFailedException($"a cloudcore runs on {files.DataDir} already (process {holder}); stop it first");
        }

        file.SetLength(0);
        file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        file.Flush();
        return new DataFolderLock(file);
    }

    public void Dispose()
    {
        _file.SetLength(0);
        _file.Dispose();
    }

    private static string? Holder(CloudFiles files)
    {
        try
        {
            using var reader = new StreamReader(new FileStream(files.RunLock, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadLine();
        }
        catch (IOException)
        {
            return null;
        }
    }
}
