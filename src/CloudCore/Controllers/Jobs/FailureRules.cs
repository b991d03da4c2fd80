using System.Globalization;

namespace EdgeSync.CloudCore.Controllers.Jobs;

/// <summary>What a Job's podFailurePolicy makes of a failed pod.</summary>
internal enum FailureVerdict
{
    /// <summary>It counts as failed, as without a policy.</summary>
    Count,

    /// <summary>It is replaced and not counted.</summary>
    Ignore,

    /// <summary>Its index has failed for good.</summary>
    FailIndex,

    /// <summary>The whole Job has failed.</summary>
    FailJob,
}

/// <summary>The rules of podFailurePolicy: the first that matches decides.</summary>
internal static class FailureRules
{
    /// <param name="policy">The Job's.</param>
    /// <param name="pod">A pod that has failed.</param>
    /// <returns>The verdict; with FailJob, why, in Kubernetes' words.</returns>
    public static (FailureVerdict Verdict, string Message) Judge(PodFailurePolicy? policy, JobPod pod)
    {
        var rules = policy?.Rules ?? [];
        for (var i = 0; i < rules.Count; i++)
        {
            if (Match(rules[i], pod) is not { } what)
            {
                continue;
            }

            return rules[i].Action switch
            {
                "Ignore" => (FailureVerdict.Ignore, ""),
                "FailIndex" => (FailureVerdict.FailIndex, ""),
                "FailJob" => (FailureVerdict.FailJob, string.Create(CultureInfo.InvariantCulture, $"{what} matching FailJob rule at index {i}")),
                _ => (FailureVerdict.Count, ""),
            };
        }

        return (FailureVerdict.Count, "");
    }

    private static string? Match(PodFailureRule rule, JobPod pod)
    {
        if (rule.OnExitCodes is { } codes)
        {
            foreach (var (container, code) in pod.ExitCodes.Where(exit => exit.Code != 0 && (codes.ContainerName is null || codes.ContainerName == exit.Container)))
            {
                if ((codes.Values ?? []).Contains(code) == (codes.Operator == "In"))
                {
                    return string.Create(CultureInfo.InvariantCulture, $"Container {container} for pod {pod.Facts.Name} failed with exit code {code}");
                }
            }

            return null;
        }

        var condition = (rule.OnPodConditions ?? []).FirstOrDefault(wanted => pod.Conditions.Any(c => c.Type == wanted.Type && c.Status == wanted.Status));
        return condition is null ? null : $"Pod {pod.Facts.Name} has condition {condition.Type}";
    }
}
