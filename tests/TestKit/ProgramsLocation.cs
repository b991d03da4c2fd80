namespace EdgeSync.TestKit;

/// <summary>
/// Where the two programs are: in the folder that EDGESYNC_OUT names (test.sh sets it to what ./build.sh made), else
/// in the build output of the configuration that the tests themselves were built in.
/// </summary>
public static class ProgramsLocation
{
    public static string CloudCore => Find("CloudCore", "cloudcore");

    public static string EdgeCore => Find("EdgeCore", "edgecore");

    /// <summary>The checkout's top folder: the one with EdgeSync.sln.</summary>
    public static string Root { get; } = FindRoot();

    public static string Sample(string name) => Path.Combine(Root, "samples", name);

    public static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "EdgeSync.sln")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"no EdgeSync.sln above {AppContext.BaseDirectory}");
    }

    private static string Find(string project, string program)
    {
        if (Environment.GetEnvironmentVariable("EDGESYNC_OUT") is { Length: > 0 } published)
        {
            return Path.Combine(published, program, program);
        }

        // …/tests/X/bin/CONFIGURATION/net10.0/
        var framework = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var configuration = framework.Parent!.Name;
        return Path.Combine(FindRoot(), "src", project, "bin", configuration, framework.Name, program);
    }
}
