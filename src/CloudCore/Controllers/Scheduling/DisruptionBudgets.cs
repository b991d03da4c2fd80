using EdgeSync.CloudCore.Controllers.Disruption;
using EdgeSync.Protocol.Kubernetes;

namespace EdgeSync.CloudCore.Controllers.Scheduling;

/// <summary>
/// What PodDisruptionBudgets allow during one round of scheduling, by the status that <see cref="DisruptionController"/> gave them. They are
/// read when the first removal is weighed: most rounds remove nothing.
/// </summary>
internal sealed class DisruptionBudgets(IReadOnlyCollection<KubeObject> budgets)
{
    private readonly Lazy<List<Budget>> _budgets = new(() => [.. budgets.Select(Budget.Read)]);

    // by UID; their budgets have counted them
    private readonly HashSet<string> _spent = [];

    /// <summary>
    /// Those (by UID) that no budget would have left to give when all of these pods went, the first ones first. A pod that is on its way
    /// already takes from none.
    /// </summary>
    public HashSet<string> Violating(IReadOnlyList<SchedulingPod> pods)
    {
        var left = _budgets.Value.ToDictionary(budget => budget, budget => budget.Left);
        var violating = new HashSet<string>();
        foreach (var pod in pods)
        {
            foreach (var budget in AskedBy(pod))
            {
                if (--left[budget] < 0)
                {
                    violating.Add(pod.Uid);
                }
            }
        }

        return violating;
    }

    /// <summary>These go: what comes later in the round finds so much less left.</summary>
    public void Spend(IReadOnlyList<SchedulingPod> pods)
    {
        foreach (var pod in pods)
        {
            foreach (var budget in AskedBy(pod))
            {
                budget.Left--;
            }

            _spent.Add(pod.Uid);
        }
    }

    private IEnumerable<Budget> AskedBy(SchedulingPod pod) =>
        pod.IsDeleting || _spent.Contains(pod.Uid) ? [] : _budgets.Value.Where(budget => budget.Covers(pod));

    private sealed class Budget
    {
        private string _namespace = "";
        private LabelSelector? _selector;
        private IReadOnlyDictionary<string, string>? _disrupted;

        public int Left { get; set; }

        public static Budget Read(KubeObject value)
        {
            var budget = value.View(ControllersJson.Default.BudgetGist);
            return new Budget
            {
                _namespace = value.Namespace,
                _selector = budget.Spec?.Selector,
                _disrupted = budget.Status?.DisruptedPods,
                Left = budget.Status?.DisruptionsAllowed ?? 0,
            };
        }

        // what an eviction has written down is counted in what is left
        public bool Covers(SchedulingPod pod) =>
            pod.Name.Namespace == _namespace && _selector.Matches(pod.Labels) && _disrupted?.ContainsKey(pod.Name.Name) != true;
    }
}
