using EdgeSync.TestKit;

namespace EdgeSync.Integration.Tests.World;

/// <summary>A small DaemonSet, ConfigMap included: its container has the DaemonSet's name and ends at once on SIGTERM.</summary>
internal sealed record TestDaemonSet(string Name)
{
    public string Image { get; init; } = ContainerdRig.BusyboxImage;

    /// <summary>Value of the container's variable MODE.</summary>
    public string Mode { get; init; } = "first";

    /// <summary>Content of /etc/settings/level, from a ConfigMap of the DaemonSet's name.</summary>
    public string Level { get; init; } = "info";

    /// <summary>Whether its pods run on nodes with whatever taints.</summary>
    public bool ToleratesAll { get; init; } = true;

    public string ToYaml() => $$"""
        {{ConfigMapYaml()}}
        ---
        apiVersion: apps/v1
        kind: DaemonSet
        metadata:
          name: {{Name}}
          namespace: default
        spec:
          selector:
            matchLabels:
              app: {{Name}}
          template:
            metadata:
              labels:
                app: {{Name}}
            spec:
              tolerations: [{{(ToleratesAll ? "{operator: Exists}" : "")}}]
              terminationGracePeriodSeconds: 2
              containers:
                - name: {{Name}}
                  image: {{Image}}
                  imagePullPolicy: IfNotPresent
                  command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1000 & wait $!; done"]
                  env:
                    - name: MODE
                      value: "{{Mode}}"
                  volumeMounts:
                    - name: settings
                      mountPath: /etc/settings
              volumes:
                - name: settings
                  configMap:
                    name: {{Name}}
        """;

    public string ConfigMapYaml() => $$"""
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: {{Name}}
          namespace: default
        data:
          level: "{{Level}}"
        """;
}
