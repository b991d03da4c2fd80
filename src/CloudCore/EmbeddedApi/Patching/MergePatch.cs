using System.Text.Json.Nodes;

namespace EdgeSync.CloudCore.EmbeddedApi.Patching;

/// <summary>RFC 7386: members of the patch replace those of the target, null removes.</summary>
internal static class MergePatch
{
    /// <summary>Changes <paramref name="target"/>; parts of the patch are copied.</summary>
    public static void Apply(JsonObject target, JsonObject patch)
    {
        foreach (var (name, value) in patch)
        {
            switch (value)
            {
                case null:
                    target.Remove(name);
                    break;
                case JsonObject inner:
                    if (target[name] is not JsonObject present)
                    {
                        target[name] = present = [];
                    }

                    Apply(present, inner);
                    break;
                default:
                    target[name] = value.DeepClone();
                    break;
            }
        }
    }
}
