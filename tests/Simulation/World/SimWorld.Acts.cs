using System.Globalization;
using EdgeSync.Protocol.Wire;

namespace EdgeSync.Simulation.World;

/// <summary>What each act does.</summary>
internal sealed partial class SimWorld
{
    private int _awayUntilHealed;

    private void Do(Act act)
    {
        if (Tracing)
        {
            Log(string.Create(CultureInfo.InvariantCulture, $"-- {act.Kind} {act.A} {act.B} for {act.For} ms"));
        }

        if (act.Kind < ActKind.ReportPod)
        {
            Work(act);
        }
        else if (act.Kind < ActKind.EdgeCrash)
        {
            Report(act);
        }
        else
        {
            Fault(act);
        }
    }

    private static ObjectKey PodKey(int n) => new("default", ResourceTypes.Pod, $"p{n % 10}");

    private static ObjectKey ConfigKey(int n) => new(
        "default", n % 2 == 0 ? ResourceTypes.ConfigMap : ResourceTypes.Secret, $"c{n / 2 % 4}");

    private static ObjectKey DeviceKey(int n) => new("default", ResourceTypes.Device, $"d{n % 5}");

    private static ObjectKey ModelKey(int n) => new("default", ResourceTypes.DeviceModel, $"m{n % 2}");

    private string NodeName(int n) => Edges[n % Edges.Count].Name;

    private void Work(Act act)
    {
        var (pod, config, device) = (PodKey(act.A), ConfigKey(act.A), DeviceKey(act.A));
        switch (act.Kind)
        {
            case ActKind.CreatePod:
                CreatePod(pod, act.B);
                break;
            case ActKind.ChangePod:
                Change(pod, o => o.Content++);
                break;
            case ActKind.DeletePod:
                Change(pod, o => o.Deleting = true);
                break;
            case ActKind.ForceDeletePod:
                Api.Delete(pod);
                break;
            case ActKind.RecreatePod:
                Api.Delete(pod);
                CreatePod(pod, act.B);
                break;
            case ActKind.CreateConfig:
                Create(config);
                break;
            case ActKind.ChangeConfig:
                Change(config, o => o.Content++);
                break;
            case ActKind.DeleteConfig:
                Api.Delete(config);
                break;
            case ActKind.RecreateConfig:
                Api.Delete(config);
                Create(config);
                break;
            case ActKind.CreateDevice:
                CreateDevice(device, act.B);
                break;
            case ActKind.ChangeDesired:
                Change(device, o => o.Desired++);
                break;
            case ActKind.MoveDevice:
                Change(device, o => o.Node = NodeName(act.B));
                break;
            case ActKind.DeleteDevice:
                Api.Delete(device);
                break;
            case ActKind.RecreateDevice:
                Api.Delete(device);
                CreateDevice(device, act.B);
                break;
            case ActKind.ChangeModel:
                Change(ModelKey(act.A), o => o.Content++);
                break;
            case ActKind.DeleteNode:
                if (act.B % 4 == 0)
                {
                    Api.Delete(new ObjectKey("", ResourceTypes.Node, NodeName(act.A)));
                }

                break;
            case ActKind.TouchDevice:
                // somebody else's write: the next one of the hub conflicts
                Change(device, _ => { });
                break;
        }
    }

    private void Create(ObjectKey key)
    {
        if (Api.Find(key) is null)
        {
            Api.Create(key);
        }
    }

    private void CreatePod(ObjectKey key, int choice)
    {
        if (Api.Find(key) is null)
        {
            Api.Create(key, o =>
            {
                o.Node = NodeName(choice);
                o.Uses = choice % 3 == 0 ? [] : [ConfigKey(choice / 8), ConfigKey((choice / 64) | 1)];
            });
        }
    }

    private void CreateDevice(ObjectKey key, int choice)
    {
        Create(ModelKey(choice / 8));
        if (Api.Find(key) is null)
        {
            Api.Create(key, o =>
            {
                o.Node = NodeName(choice);
                o.Uses = [ModelKey(choice / 8)];
            });
        }
    }

    private void Change(ObjectKey key, Action<ApiObject> change)
    {
        if (Api.Find(key) is { } found)
        {
            change(found);
            Api.Changed(found);
        }
    }

    private void Report(Act act)
    {
        if (Edges[act.A % Edges.Count].Agent is not { } agent)
        {
            return;
        }

        switch (act.Kind)
        {
            case ActKind.ReportPod:
                agent.ReportPod(act.B);
                break;
            case ActKind.ReportNode:
                agent.ReportNode(act.B);
                break;
            case ActKind.ReportTwin:
                agent.ReportTwin(act.B);
                break;
            case ActKind.SendRouted:
                agent.SendRouted(act.B);
                break;
            default:
                agent.RecordEvent();
                break;
        }
    }

    private void Fault(Act act)
    {
        var edge = Edges[act.A % Edges.Count];
        var path = edge.Path;
        switch (act.Kind)
        {
            case ActKind.EdgeCrash or ActKind.EdgePowerLoss:
                edge.Crash(act.Kind == ActKind.EdgePowerLoss);
                Agenda.After(act.For, edge.Start);
                break;
            case ActKind.HubCrash or ActKind.HubPowerLoss:
                if (Hub.Running)
                {
                    Hub.Crash(act.Kind == ActKind.HubPowerLoss);
                    Agenda.After(act.For, StartHub);
                }

                break;
            case ActKind.CutBoth or ActKind.CutUp or ActKind.CutDown:
                path.Set(act.Kind != ActKind.CutDown, act.Kind != ActKind.CutUp, this);
                Agenda.After(act.For, () => path.Set(false, false, this));
                break;
            case ActKind.Flap:
                for (var i = 0; i < 5; i++)
                {
                    Agenda.After(i * act.For / 5, () => Break(path));
                }

                break;
            case ActKind.ResetLinks:
                Break(path);
                break;
            case ActKind.AbandonLink:
                edge.Agent?.Abandon();
                break;
            case ActKind.SlowPath:
                path.Delay = 10 + (act.B % 2000);
                Agenda.After(act.For, () => path.Delay = 10);
                break;
            case ActKind.LossyPath:
                path.OneInLost = 4 + (act.B % 30);
                Agenda.After(act.For, () => path.OneInLost = 0);
                break;
            case ActKind.DiskFull:
                edge.DiskFull = true;
                Agenda.After(act.For, () => edge.DiskFull = false);
                break;
            case ActKind.DiskSlow:
                edge.DiskDelay = 8 + (act.B % 1500);
                Agenda.After(act.For, () => edge.DiskDelay = 8);
                break;
            case ActKind.BoxBusy:
                edge.ThreadDelay = 2 + (act.B % 1500);
                Agenda.After(act.For, () => edge.ThreadDelay = 2);
                break;
            case ActKind.DiskLost:
                edge.LoseDisk();
                Agenda.After(act.For, edge.Start);
                break;
            default:
                FaultOfTheApi(act);
                break;
        }
    }

    private void FaultOfTheApi(Act act)
    {
        switch (act.Kind)
        {
            case ActKind.ApiAway:
                _awayUntilHealed++;
                Api.SetAway(true);
                Agenda.After(act.For, () =>
                {
                    if (_awayUntilHealed > 0 && --_awayUntilHealed == 0)
                    {
                        Api.SetAway(false);
                    }
                });
                break;
            case ActKind.ApiSlow:
                Api.Slowness = 8 + (act.B % 3000);
                Agenda.After(act.For, () => Api.Slowness = 8);
                break;
            case ActKind.ApiLosesAnswers:
                Api.LosesAnswers = 2 + (act.B % 6);
                Agenda.After(act.For, () => Api.LosesAnswers = 0);
                break;
            case ActKind.WatchLags:
                Hub.WatchLag = 12 + (act.B % 5000);
                Agenda.After(act.For, () => Hub.WatchLag = 12);
                break;
            default:
                Hub.BreakWatch(SimApi.Types[act.B % SimApi.Types.Count], act.Kind == ActKind.WatchExpires, act.For);
                break;
        }
    }

    private static void Break(SimPath path)
    {
        foreach (var link in path.Links.ToArray())
        {
            link.Break();
        }
    }

    private void StartHub()
    {
        if (!Hub.Running)
        {
            Hub.Start();
        }
    }

    /// <summary>All faults stop.</summary>
    private void Heal()
    {
        Log("-- all faults stop");
        _awayUntilHealed = 0;
        if (Api.Away)
        {
            Api.SetAway(false);
        }

        Api.Slowness = 8;
        Api.LosesAnswers = 0;
        Hub.WatchLag = 12;
        StartHub();
        foreach (var edge in Edges)
        {
            edge.Path.Delay = 10;
            edge.Path.OneInLost = 0;
            edge.Path.Set(false, false, this);
            edge.DiskFull = false;
            edge.DiskDelay = 8;
            edge.ThreadDelay = 2;
            edge.Start();
        }
    }
}
