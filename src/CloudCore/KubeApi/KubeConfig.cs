using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using EdgeSync.CloudCore.KubeApi.Authentication;
using EdgeSync.Protocol.Configuration;

namespace EdgeSync.CloudCore.KubeApi;

/// <summary>Where the Kubernetes API is and how to sign in: one context of a kubeconfig file, read and checked.</summary>
internal sealed record KubeConfig
{
    // real files are a few KB; certificates included, 100
    private const long MaxFileBytes = 4 * 1024 * 1024;

    public required Uri Server { get; init; }

    /// <summary>The roots that the server's certificate must chain to; null means the system's.</summary>
    public X509Certificate2Collection? CertificateAuthority { get; init; }

    /// <summary>With its private key.</summary>
    public X509Certificate2? ClientCertificate { get; init; }

    /// <summary>Intermediates that follow the client certificate in its file.</summary>
    public X509Certificate2Collection? ClientCertificateChain { get; init; }

    public string? Token { get; init; }

    /// <summary>Read again as it changes; wins over <see cref="Token"/>, as in kubectl.</summary>
    public string? TokenFile { get; init; }

    /// <summary>A program that gives the credential; wins over certificate and token.</summary>
    public ExecPlugin? Exec { get; init; }

    public bool InsecureSkipTlsVerify { get; init; }

    /// <summary>The name that the server's certificate must hold, where that is not the one in <see cref="Server"/>.</summary>
    public string? TlsServerName { get; init; }

    /// <summary>Null takes the environment's (HTTPS_PROXY, NO_PROXY).</summary>
    public Uri? ProxyUrl { get; init; }

    /// <summary>The context's namespace, <c>default</c> where it names none.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary>Reads the current context of a kubeconfig file.</summary>
    /// <exception cref="KubeConfigException">Missing, malformed or not supported; the message says what and where.</exception>
    public static KubeConfig Load(string path) => Load(path, null);

    /// <summary>Reads the named context, or the current one for null. Paths in the file are relative to its folder.</summary>
    /// <exception cref="KubeConfigException">Missing, malformed or not supported; the message says what and where.</exception>
    public static KubeConfig Load(string path, string? context)
    {
        try
        {
            var root = YamlToJson.ReadOne(ReadFile(path)) as JsonObject
                ?? throw new KubeConfigException("it holds no YAML map; \"kubectl config view --raw\" prints what is expected");
            return Read(new KubeConfigNode(root, Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/"), context);
        }
        catch (Exception e) when (e is KubeConfigException or FormatException or CryptographicException
            or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new KubeConfigException($"kubeconfig {path}: {e.Message}", e);
        }
    }

    private static string ReadFile(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists)
        {
            throw new KubeConfigException("the file does not exist");
        }

        return file.Length > MaxFileBytes
            ? throw new KubeConfigException($"the file is larger than {MaxFileBytes} bytes")
            : File.ReadAllText(path);
    }

    private static KubeConfig Read(KubeConfigNode root, string? wanted)
    {
        wanted ??= root.Text("current-context")
            ?? throw new KubeConfigException("current-context is not set (kubectl config use-context NAME sets it)");
        var context = root.Named("contexts", wanted, "context");
        var cluster = root.Named("clusters", Required(context, "cluster", $"context {wanted}"), "cluster");
        var user = context.Text("user") is { } name ? root.Named("users", name, "user") : new KubeConfigNode([], "/");
        RefuseUnsupported(user);
        var authority = cluster.Data("certificate-authority");
        var insecure = cluster.Flag("insecure-skip-tls-verify");
        if (insecure && authority is not null)
        {
            throw new KubeConfigException("insecure-skip-tls-verify and certificate-authority exclude each other; leave one of them out");
        }

        var (certificate, chain) = ReadClientCertificate(user);
        return new KubeConfig
        {
            Server = ReadServer(Required(cluster, "server", "the cluster")),
            CertificateAuthority = authority is null ? null : ReadCertificates(authority, "certificate-authority"),
            ClientCertificate = certificate,
            ClientCertificateChain = chain,
            Token = user.Text("token"),
            TokenFile = user.FilePath("tokenFile"),
            Exec = user.Node("exec") is { } exec ? ExecPlugin.Read(exec, cluster) : null,
            InsecureSkipTlsVerify = insecure,
            TlsServerName = cluster.Text("tls-server-name"),
            ProxyUrl = cluster.Text("proxy-url") is { } proxy ? ReadProxy(proxy) : null,
            Namespace = context.Text("namespace") ?? "default",
        };
    }

    // ignoring one of these would show up as an unexplained 401
    private static void RefuseUnsupported(KubeConfigNode user)
    {
        const string Remedy = "use a client certificate, a token, a tokenFile or exec";
        if (user.Has("auth-provider"))
        {
            throw new KubeConfigException($"auth-provider is not supported, as in Kubernetes from 1.26 on; {Remedy}");
        }

        if (user.Has("username") || user.Has("password"))
        {
            throw new KubeConfigException($"username and password are not supported, as in API servers from 1.19 on; {Remedy}");
        }

        if (user.Has("as") || user.Has("as-uid") || user.Has("as-groups") || user.Has("as-user-extra"))
        {
            throw new KubeConfigException("as, as-uid, as-groups and as-user-extra (impersonation) are not supported; sign in as who the hub is to be");
        }

        if (user.Has("exec") && (user.Has("client-certificate") || user.Has("client-certificate-data") || user.Has("token") || user.Has("tokenFile")))
        {
            throw new KubeConfigException("exec and another credential exclude each other; leave one of them out");
        }
    }

    private static string Required(KubeConfigNode node, string field, string where) =>
        node.Text(field) ?? throw new KubeConfigException($"{field} of {where} is not set");

    private static Uri ReadServer(string text)
    {
        var withScheme = text.Contains("://", StringComparison.Ordinal) ? text : $"https://{text}";
        return Uri.TryCreate(withScheme, UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http"
            ? uri!
            : throw new KubeConfigException($"server \"{text}\" is not an http or https address");
    }

    private static Uri ReadProxy(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" or "socks5"
            ? uri!
            : throw new KubeConfigException("proxy-url is not an http, https or socks5 address"); // it may hold a password

    private static (X509Certificate2? Certificate, X509Certificate2Collection? Chain) ReadClientCertificate(KubeConfigNode user)
    {
        var certificate = user.Data("client-certificate");
        var key = user.Data("client-key");
        if (certificate is null && key is null)
        {
            return (null, null);
        }

        if (certificate is null || key is null)
        {
            throw new KubeConfigException("client-certificate and client-key must be given together");
        }

        try
        {
            var all = ReadCertificates(certificate, "client-certificate");
            var own = X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(certificate), Encoding.UTF8.GetString(key));
            all.RemoveAt(0);
            return (own, all);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new KubeConfigException($"client-certificate and client-key are not a PEM pair that belongs together: {e.Message}", e);
        }
    }

    private static X509Certificate2Collection ReadCertificates(byte[] pem, string field)
    {
        var certificates = new X509Certificate2Collection();
        certificates.ImportFromPem(Encoding.UTF8.GetString(pem));
        return certificates.Count > 0
            ? certificates
            : throw new KubeConfigException($"{field} holds no PEM certificate");
    }
}

/// <summary>A kubeconfig that cannot be used; the message names the file, the field and the remedy.</summary>
internal sealed class KubeConfigException : Exception
{
    public KubeConfigException(string message)
        : base(message)
    {
    }

    public KubeConfigException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>A map of a kubeconfig, with the ways in which its fields are written.</summary>
internal sealed class KubeConfigNode(JsonObject node, string folder)
{
    public bool Has(string field) => node[field] is not null;

    /// <summary>A scalar as text; YAML reads an all-digit token as a number. Null where absent or empty.</summary>
    public string? Text(string field) => node[field] switch
    {
        null => null,
        JsonValue value => value.ToString() is { Length: > 0 } text ? text : null,
        _ => throw new KubeConfigException($"{field} must be a plain value"),
    };

    public string? FilePath(string field) => Text(field) is { } path ? Path.GetFullPath(path, folder) : null;

    /// <summary>A boolean; false where absent.</summary>
    public bool Flag(string field) => Text(field) switch
    {
        null or "false" => false,
        "true" => true,
        var other => throw new KubeConfigException($"{field} must be true or false, and is \"{other}\""),
    };

    /// <summary>A map; null where absent.</summary>
    public KubeConfigNode? Node(string field) => node[field] switch
    {
        null => null,
        JsonObject map => new KubeConfigNode(map, folder),
        _ => throw new KubeConfigException($"{field} must be a map"),
    };

    /// <summary>A list of maps; empty where absent.</summary>
    public IReadOnlyList<KubeConfigNode> Nodes(string field) =>
        [.. Items(field).Select(i => i is JsonObject map ? new KubeConfigNode(map, folder) : throw new KubeConfigException($"{field} must be a list of maps"))];

    /// <summary>A list of scalars as text; empty where absent.</summary>
    public IReadOnlyList<string> Texts(string field) =>
        [.. Items(field).Select(i => i is JsonValue value ? value.ToString() : throw new KubeConfigException($"{field} must be a list of plain values"))];

    /// <summary>What an entry of <c>extensions</c> holds; null where there is none of that name.</summary>
    public JsonNode? Extension(string name) =>
        Items("extensions").OfType<JsonObject>().FirstOrDefault(e => e["name"]?.ToString() == name)?["extension"];

    private JsonArray Items(string field) => node[field] switch
    {
        null => [],
        JsonArray items => items,
        _ => throw new KubeConfigException($"{field} must be a list"),
    };

    /// <summary>The content of <c>FIELD-data</c> (base64), or of the file that <c>FIELD</c> names.</summary>
    public byte[]? Data(string field)
    {
        if (Text($"{field}-data") is { } inline)
        {
            try
            {
                return Convert.FromBase64String(inline);
            }
            catch (FormatException e)
            {
                throw new KubeConfigException($"{field}-data is not base64", e);
            }
        }

        return FilePath(field) is { } path ? File.ReadAllBytes(path) : null;
    }

    /// <summary>The <paramref name="inner"/> map of the entry of that name in a list of named entries.</summary>
    public KubeConfigNode Named(string list, string name, string inner)
    {
        if (node[list] is not JsonArray entries)
        {
            throw new KubeConfigException($"{list} is not set or not a list");
        }

        foreach (var entry in entries)
        {
            if (entry is JsonObject named && named["name"]?.ToString() == name)
            {
                return named[inner] is JsonObject found
                    ? new KubeConfigNode(found, folder)
                    : throw new KubeConfigException($"the entry \"{name}\" of {list} has no {inner}");
            }
        }

        throw new KubeConfigException($"{list} has no entry \"{name}\"");
    }
}
