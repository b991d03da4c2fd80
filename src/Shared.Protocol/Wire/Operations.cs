namespace EdgeSync.Protocol.Wire;

/// <summary>The verbs of <see cref="Message.Operation"/>.</summary>
public static class Operations
{
    public const string Insert = "insert";
    public const string Update = "update";
    public const string Delete = "delete";
    public const string Query = "query";
    public const string Patch = "patch";
    public const string Get = "get";
    public const string Response = "response";
    public const string Error = "error";
    public const string Upload = "upload";
    public const string Publish = "publish";
    public const string Keepalive = "keepalive";

    /// <summary>EdgeSync extension: the edge tells what it holds (see <c>Sync/Inventory</c>).</summary>
    public const string Inventory = "inventory";

    /// <summary>EdgeSync extension: the edge tells figures of itself (see <c>Sync/EdgeReport</c>).</summary>
    public const string Report = "report";

    /// <summary>EdgeSync extension: the hub asks the edge to open the stream tunnel (see <c>Tunnel</c>).</summary>
    public const string Tunnel = "tunnel";
}

/// <summary>The receiver groups of <see cref="Message.Group"/>.</summary>
public static class Groups
{
    public const string Resource = "resource";
    public const string Meta = "meta";
    public const string Twin = "twin";
    public const string User = "user";
    public const string Hub = "hub";
}

/// <summary>The module names of <see cref="Message.Source"/>.</summary>
public static class Sources
{
    public const string EdgeController = "edgecontroller";
    public const string DeviceController = "devicecontroller";
    public const string CloudHub = "cloudhub";
    public const string Edged = "edged";
    public const string Twin = "twin";
    public const string WebSocket = "websocket";
    public const string MetaManager = "metaManager";
    public const string Bus = "bus";

    /// <summary>What KubeEdge's router publishes on a node's broker.</summary>
    public const string RouterEventBus = "router_eventbus";
}
