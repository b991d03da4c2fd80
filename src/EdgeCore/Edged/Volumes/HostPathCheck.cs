using EdgeSync.EdgeCore.Edged.Pods;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.EdgeCore.Edged.Volumes;

/// <summary>The types of hostPath volumes: what must be there, and what is made where it is not.</summary>
internal static class HostPathCheck
{
    private const int CharacterDevice = 0x2000;
    private const int BlockDevice = 0x6000;
    private const int Socket = 0xC000;

    /// <exception cref="MissingReferenceException">The path is not what the type asks for.</exception>
    public static void Ensure(HostPathVolumeSource source)
    {
        var path = source.Path;
        if (!Path.IsPathRooted(path) || path.Split('/').Contains(".."))
        {
            throw new MissingReferenceException($"hostPath \"{path}\" must be absolute and without \"..\"");
        }

        switch (source.Type ?? "")
        {
            case "":
                return;
            case "DirectoryOrCreate":
                Directory.CreateDirectory(path);
                return;
            case "FileOrCreate":
                CreateFile(path);
                return;
        }

        if (!Fits(source.Type!, path))
        {
            throw new MissingReferenceException($"hostPath {path} is not there, or is not of the type {source.Type}");
        }
    }

    private static void CreateFile(string path)
    {
        if (Directory.Exists(path))
        {
            throw new MissingReferenceException($"hostPath {path} is a folder, not a file");
        }

        // the parent is not made, as with the kubelet
        using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
    }

    private static bool Fits(string type, string path) => type switch
    {
        "Directory" => Directory.Exists(path),
        "File" => File.Exists(path) && NativeFiles.FileType(path) is not (CharacterDevice or BlockDevice or Socket),
        "Socket" => NativeFiles.FileType(path) == Socket,
        "CharDevice" => NativeFiles.FileType(path) == CharacterDevice,
        "BlockDevice" => NativeFiles.FileType(path) == BlockDevice,
        _ => throw new MissingReferenceException($"hostPath {path}: there is no type {type}"),
    };
}
