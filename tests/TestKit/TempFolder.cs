namespace EdgeSync.TestKit;

/// <summary>A folder of one test's own, removed with everything in it.</summary>
public sealed class TempFolder : IDisposable
{
    private const int MostAttempts = 5;

    public string Path { get; } = Directory.CreateTempSubdirectory("edgesync-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose()
    {
        for (var attempt = 1; Directory.Exists(Path); attempt++)
        {
            try
            {
                Directory.Delete(Path, recursive: true);
            }
            catch (IOException) when (attempt < MostAttempts)
            {
                // what a test has ended may still have made a file, or removed one, between the look and the step
            }
        }
    }
}
