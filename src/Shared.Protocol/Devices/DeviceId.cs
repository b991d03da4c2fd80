namespace EdgeSync.Protocol.Devices;

/// <summary>A device's name; on MQTT topics and in messages it is written <c>namespace/name</c>.</summary>
/// <param name="Namespace">The Device object's namespace.</param>
/// <param name="Name">The Device object's name.</param>
public readonly record struct DeviceId(string Namespace, string Name)
{
    public override string ToString() => $"{Namespace}/{Name}";
}
