namespace EdgeSync.Integration.Tests.World;

/// <summary>A device on the test's node with string properties, the first of which may be wished for.</summary>
internal sealed record TestDevice(string Name)
{
    public const string ModelYaml = """
        apiVersion: devices.kubeedge.io/v1beta1
        kind: DeviceModel
        metadata:
          name: test-model
          namespace: default
        spec:
          protocol: simulated
          properties:
            - name: p0
              type: STRING
              accessMode: ReadWrite
        """;

    public int Properties { get; init; } = 1;

    /// <summary>The wish for p0; null for none.</summary>
    public string? Desired { get; init; }

    public string ToYaml() => $$"""
        apiVersion: devices.kubeedge.io/v1beta1
        kind: Device
        metadata:
          name: {{Name}}
          namespace: default
        spec:
          deviceModelRef:
            name: test-model
          nodeName: {{EdgeWorld.NodeName}}
          protocol:
            protocolName: simulated
          properties:
        {{string.Join('\n', Enumerable.Range(0, Properties).Select(Property))}}
        """;

    private string Property(int i) => i == 0 && Desired is not null
        ? $"    - name: p0\n      reportToCloud: true\n      desired:\n        value: \"{Desired}\""
        : $"    - name: p{i}\n      reportToCloud: true";
}
