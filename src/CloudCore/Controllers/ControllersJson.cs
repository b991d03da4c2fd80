using System.Text.Json.Serialization;
using EdgeSync.CloudCore.Controllers.CronJobs;
using EdgeSync.CloudCore.Controllers.Deployments;
using EdgeSync.CloudCore.Controllers.Disruption;
using EdgeSync.CloudCore.Controllers.Garbage;
using EdgeSync.CloudCore.Controllers.Jobs;
using EdgeSync.CloudCore.Controllers.ReplicaSets;
using EdgeSync.CloudCore.Controllers.Scheduling;
using EdgeSync.CloudCore.Controllers.StatefulSets;
using EdgeSync.CloudCore.Controllers.Volumes;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers;

/// <summary>Source-generated JSON of the controllers' own views; as <see cref="KubernetesJson"/>.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 128)]
[JsonSerializable(typeof(PodGist))]
[JsonSerializable(typeof(NodeGist))]
[JsonSerializable(typeof(PodToScheduleGist))]
[JsonSerializable(typeof(NodeToScheduleGist))]
[JsonSerializable(typeof(EventGist))]
[JsonSerializable(typeof(ClaimGist))]
[JsonSerializable(typeof(PodGroupGist))]
[JsonSerializable(typeof(VolumeGist))]
[JsonSerializable(typeof(CronJob))]
[JsonSerializable(typeof(Deployment))]
[JsonSerializable(typeof(Job))]
[JsonSerializable(typeof(JobPodGist))]
[JsonSerializable(typeof(ReplicaSet))]
[JsonSerializable(typeof(ReplicationControllerGist))]
[JsonSerializable(typeof(StatefulSet))]
[JsonSerializable(typeof(StorageClassGist))]
[JsonSerializable(typeof(PodWorthGist))]
[JsonSerializable(typeof(SelectingGist))]
[JsonSerializable(typeof(BudgetGist))]
internal sealed partial class ControllersJson : JsonSerializerContext;
