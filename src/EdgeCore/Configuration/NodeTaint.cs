namespace EdgeSync.EdgeCore.Configuration;

/// <summary>A taint that the node is registered with: an element of <c>registerWithTaints</c>, in words <c>KEY[=VALUE]:EFFECT</c>.</summary>
internal sealed record NodeTaint
{
    private static readonly string[] s_effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

    // set, not init: in an element of a list, generated JSON code would make null of what is left out
    public string Key { get; set; } = "";

    public string Value { get; set; } = "";

    public string Effect { get; set; } = "";

    /// <summary>As <c>kubelet --register-with-taints</c> and <c>kubectl taint</c> have it; null where there is no effect.</summary>
    public static NodeTaint? Read(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 0)
        {
            return null;
        }

        var parts = text[..colon].Split('=', 2);
        return new NodeTaint { Key = parts[0], Value = parts.Length == 2 ? parts[1] : "", Effect = text[(colon + 1)..] };
    }

    /// <summary>What is wrong, as a clause; null when nothing is.</summary>
    public string? Problem() => NodeLabel.Problem(Key, Value)
        ?? (s_effects.Contains(Effect) ? null : $"has the effect \"{Effect}\", which is none of {string.Join(", ", s_effects)}");

    /// <summary>Whether a node cannot have both.</summary>
    public bool IsLike(NodeTaint other) => Key == other.Key && Effect == other.Effect;

    public override string ToString() => $"{Key}{(Value.Length > 0 ? "=" : "")}{Value}:{Effect}";
}
