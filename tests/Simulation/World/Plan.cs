namespace EdgeSync.Simulation.World;

/// <summary>What can be done to the world from outside.</summary>
internal enum ActKind
{
    // users of the API
    CreatePod,
    ChangePod,
    DeletePod,
    ForceDeletePod,
    RecreatePod,
    CreateConfig,
    ChangeConfig,
    DeleteConfig,
    RecreateConfig,
    CreateDevice,
    ChangeDesired,
    MoveDevice,
    DeleteDevice,
    RecreateDevice,
    ChangeModel,
    DeleteNode,
    TouchDevice,

    // what happens on the box
    ReportPod,
    ReportNode,
    ReportTwin,
    RecordEvent,
    SendRouted,

    // faults
    EdgeCrash,
    EdgePowerLoss,
    HubCrash,
    HubPowerLoss,
    CutBoth,
    CutUp,
    CutDown,
    ResetLinks,
    AbandonLink,
    SlowPath,
    DiskFull,
    DiskSlow,
    DiskLost,
    ApiAway,
    ApiSlow,
    ApiLosesAnswers,
    WatchLags,
    WatchBreaks,
    WatchExpires,
    Flap,
    LossyPath,
    BoxBusy,
}

/// <summary>One thing that is done at a time; the numbers choose among what is there then.</summary>
/// <param name="At">Milliseconds since the world began.</param>
/// <param name="Kind">What.</param>
/// <param name="A">Chooses the subject.</param>
/// <param name="B">Chooses the rest.</param>
/// <param name="For">How long a fault lasts, milliseconds.</param>
internal sealed record Act(long At, ActKind Kind, int A, int B, int For);

/// <summary>All that is done to one world, made from its seed before the world begins, so that parts can be left out.</summary>
internal static class Plan
{
    private static readonly ActKind[] s_work = [.. Enum.GetValues<ActKind>().Where(k => k < ActKind.ReportPod)];
    private static readonly ActKind[] s_reports = [ActKind.ReportPod, ActKind.ReportNode, ActKind.ReportTwin, ActKind.ReportTwin, ActKind.RecordEvent, ActKind.SendRouted];
    private static readonly ActKind[] s_faults = [.. Enum.GetValues<ActKind>().Where(k => k >= ActKind.EdgeCrash)];

    public static IReadOnlyList<Act> Make(ulong seed, int acts)
    {
        var rng = new Xoshiro(seed ^ 0x5EED);
        var plan = new List<Act>(acts);
        var length = rng.Between(10, 60) * 1000;
        var faultsIn100 = rng.Of([2, 5, 10, 20]);
        var kinds = SomeOf(s_faults, rng);
        for (var i = 0; i < acts; i++)
        {
            // bursts: the same moment, or close to it
            var at = plan.Count > 0 && rng.OneIn(3) ? plan[^1].At + rng.Below(20) : rng.Below(length);
            var dice = rng.Below(100);
            var kind = dice < faultsIn100 ? rng.Of(kinds) : dice % 2 == 0 ? rng.Of(s_work) : rng.Of(s_reports);
            plan.Add(new Act(at, kind, rng.Below(1 << 20), rng.Below(1 << 20), rng.Skewed(20, rng.OneIn(4) ? 40_000 : 4_000)));
        }

        // a world begins with something in it
        for (var i = 0; i < 24; i++)
        {
            ActKind[] first = [ActKind.CreatePod, ActKind.CreateConfig, ActKind.CreateDevice];
            plan.Add(new Act(rng.Below(400), first[i % 3], rng.Below(1 << 20), rng.Below(1 << 20), 0));
        }

        // some worlds have storms in which several troubles meet; dice of their own, so that the other worlds stay as they are
        var storms = new Xoshiro(seed ^ 0x5708);
        if (storms.OneIn(3))
        {
            // of one kind in each world: what comes often finds more
            var kind = storms.Below(3);
            for (var i = storms.Between(2, 8); i > 0; i--)
            {
                var at = storms.Below(length);
                plan.AddRange(kind switch { 0 => Stall(storms, at), 1 => Doubt(storms, at), _ => Wander(storms, at) });
            }
        }

        return [.. plan.OrderBy(a => a.At)];
    }

    /// <summary>A box whose disk has stalled loses its link while objects are on the way to it, and some of those are gone before it is back.</summary>
    private static IEnumerable<Act> Stall(Xoshiro rng, int at)
    {
        var edge = rng.Below(1 << 20);
        yield return new Act(at, rng.OneIn(2) ? ActKind.DiskSlow : ActKind.BoxBusy, edge, rng.Between(500, 1499), rng.Between(2000, 6000));
        for (var i = rng.Between(2, 6); i > 0; i--)
        {
            var pod = rng.Below(1 << 20);
            yield return new Act(at + rng.Below(800), rng.Of([ActKind.CreatePod, ActKind.ChangePod, ActKind.RecreatePod]), pod, edge, 0);
            yield return new Act(at + rng.Between(300, 3000), rng.Of([ActKind.ForceDeletePod, ActKind.RecreatePod, ActKind.ReportPod]), pod, edge, 0);
        }

        yield return new Act(at + rng.Between(50, 900), rng.Of([ActKind.ResetLinks, ActKind.AbandonLink]), edge, 0, 0);
    }

    /// <summary>A node that is back says this and that of itself, while the hub hears late what became of it; its Node may be deleted meanwhile.</summary>
    private static IEnumerable<Act> Doubt(Xoshiro rng, int at)
    {
        var edge = rng.Below(1 << 20);
        var lasts = rng.Between(3000, 8000);
        yield return new Act(at, ActKind.ResetLinks, edge, 0, 0);
        yield return new Act(at + 1, ActKind.WatchLags, edge, rng.Between(1500, 4999), lasts);
        yield return new Act(at + 1, ActKind.ApiLosesAnswers, edge, rng.Below(3), lasts);
        for (var i = rng.Below(4); i > 0; i--)
        {
            yield return new Act(at + rng.Below(5000), ActKind.DeleteNode, edge, 0, 0);
        }

        for (var i = rng.Between(4, 12); i > 0; i--)
        {
            yield return new Act(at + rng.Between(500, 4500), ActKind.ReportNode, edge, rng.Below(1 << 20), 0);
        }
    }

    /// <summary>A device goes to another node and comes back, to one that may have lost its disk meanwhile, and hears wishes all the while.</summary>
    private static IEnumerable<Act> Wander(Xoshiro rng, int at)
    {
        var (device, home, away) = (rng.Below(1 << 20), rng.Below(1 << 20), rng.Below(1 << 20));
        yield return new Act(at, ActKind.CreateDevice, device, home, 0);
        yield return new Act(at + rng.Below(800), ActKind.MoveDevice, device, home, 0);
        for (var i = rng.Between(2, 5); i > 0; i--)
        {
            yield return new Act(at + rng.Between(200, 1500), ActKind.ReportTwin, home, rng.Below(1 << 20), 0);
            yield return new Act(at + rng.Between(1500, 3500), ActKind.ReportTwin, away, rng.Below(1 << 20), 0);
            yield return new Act(at + rng.Between(200, 5000), ActKind.ChangeDesired, device, 0, 0);
        }

        yield return new Act(at + rng.Between(1000, 2000), ActKind.MoveDevice, device, away, 0);
        yield return new Act(at + rng.Between(2000, 4000), ActKind.MoveDevice, device, home, 0);
        if (rng.OneIn(2))
        {
            yield return new Act(at + rng.Between(1000, 4000), ActKind.DiskLost, home, 0, rng.Below(1500));
        }

        if (rng.OneIn(2))
        {
            yield return new Act(at, ActKind.WatchLags, home, rng.Between(500, 4999), rng.Between(2000, 6000));
        }
    }

    /// <summary>Each world has its own mix of troubles: few kinds that come often find more than all kinds, each seldom.</summary>
    private static List<ActKind> SomeOf(ActKind[] kinds, Xoshiro rng)
    {
        var some = new List<ActKind>();
        var most = rng.Between(1, kinds.Length);
        for (var i = 0; i < most; i++)
        {
            some.Add(rng.Of(kinds));
        }

        return some;
    }
}
