namespace EdgeSync.EdgeCore.DeviceTwin;

/// <summary>DeviceTwin's tables, one constant for each migration step of the agent's database.</summary>
internal static class TwinSchema
{
    public const string Version1 = "SELECT 1";
}
