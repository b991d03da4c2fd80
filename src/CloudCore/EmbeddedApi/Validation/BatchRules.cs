using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Kinds;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Validation;

/// <summary>The rules for jobs and cron jobs, in Kubernetes' order.</summary>
internal static class BatchRules
{
    private const int LongestCronJobName = 52;
    private const int MostIndexes = 1_000_000_000;
    private const int MostFailureRules = 20;
    private static readonly string[] s_concurrency = ["Allow", "Forbid", "Replace"];
    private static readonly string[] s_completionModes = ["NonIndexed", "Indexed"];
    private static readonly string[] s_failureActions = ["FailJob", "FailIndex", "Ignore", "Count"];

    public static void CheckJob(JsonObject job, JsonObject? old, FieldErrors errors)
    {
        var spec = job.ObjectOrNew("spec");
        CheckGeneratedSelector(job, spec, errors);
        CheckSpec(spec, "spec", errors);
        if (spec.Object("selector") is { } selector)
        {
            SelectorRules.Check(selector, "spec.selector", errors);
        }
        else
        {
            errors.Required("spec.selector");
        }

        if (spec.Object("selector") is not { } wanted || !SelectorRules.Matches(wanted, Labels(spec)))
        {
            errors.Invalid("spec.template.metadata.labels", Labels(spec), "`selector` does not match template `labels`");
        }

        if (old is not null)
        {
            CheckChange(spec, old.ObjectOrNew("spec"), old, errors);
        }
    }

    public static void CheckCronJob(JsonObject cronJob, JsonObject? old, FieldErrors errors)
    {
        const string field = "spec";
        var spec = cronJob.ObjectOrNew(field);
        var schedule = spec.Text("schedule") ?? "";
        if (schedule.Length == 0)
        {
            errors.Required($"{field}.schedule");
        }
        else
        {
            CheckSchedule(spec, schedule, old?.Object(field), errors);
        }

        NumberRules.CheckNotNegative(spec, field, errors, "startingDeadlineSeconds");
        CheckTimeZone(spec, errors);
        PodSpecRules.CheckOneOf(spec, "concurrencyPolicy", s_concurrency, field, errors);
        CheckSpec(spec.ObjectOrNew("jobTemplate").ObjectOrNew("spec"), $"{field}.jobTemplate.spec", errors);
        if (spec.Object("jobTemplate")!.Object("spec")!.IsTrue("manualSelector"))
        {
            errors.NotSupported($"{field}.jobTemplate.spec.manualSelector", JsonValue.Create(true), "nil", "false");
        }

        NumberRules.CheckNotNegative(spec, field, errors, "successfulJobsHistoryLimit", "failedJobsHistoryLimit");
        var name = cronJob.Object("metadata")!.Text("name") ?? "";
        if (old is null && name.Length > LongestCronJobName)
        {
            errors.Invalid("metadata.name", name, $"must be no more than {LongestCronJobName} characters");
        }
    }

    private static void CheckSchedule(JsonObject spec, string schedule, JsonObject? old, FieldErrors errors)
    {
        if (CronSchedule.Check(schedule) is { } why)
        {
            errors.Invalid("spec.schedule", schedule, why);
        }

        if (schedule.Contains("TZ", StringComparison.Ordinal) && old?.Text("schedule") != schedule)
        {
            errors.Invalid("spec.schedule", schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
        }
    }

    private static void CheckTimeZone(JsonObject spec, FieldErrors errors)
    {
        const string field = "spec.timeZone";
        if (spec.Text("timeZone") is not { } zone)
        {
            return;
        }

        if (zone.Length == 0)
        {
            errors.Invalid(field, zone, "timeZone must be nil or non-empty string");
        }
        else if (zone.Equals("Local", StringComparison.OrdinalIgnoreCase))
        {
            errors.Invalid(field, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
        }
        else if (!TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var found) || !found.HasIanaId)
        {
            errors.Invalid(field, zone, $"unknown time zone {zone}");
        }
    }

    private static void CheckSpec(JsonObject spec, string field, FieldErrors errors)
    {
        NumberRules.CheckNotNegative(
            spec, field, errors, "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
            "backoffLimitPerIndex", "maxFailedIndexes");
        CheckCompletionMode(spec, field, errors);
        CheckFailurePolicy(spec, field, errors);
        var template = spec.ObjectOrNew("template");
        TemplateRules.Check(template, $"{field}.template", errors);
        var policy = template.ObjectOrNew("spec").Text("restartPolicy");
        if (policy is not ("OnFailure" or "Never"))
        {
            errors.Required($"{field}.template.spec.restartPolicy", "valid values: \"OnFailure\", \"Never\"");
        }
        else if (policy != "Never" && spec["podFailurePolicy"] is not null)
        {
            errors.Invalid($"{field}.template.spec.restartPolicy", policy, "only \"Never\" is supported when podFailurePolicy is specified");
        }
    }

    private static void CheckCompletionMode(JsonObject spec, string field, FieldErrors errors)
    {
        PodSpecRules.CheckOneOf(spec, "completionMode", s_completionModes, field, errors);
        if (spec.Text("completionMode") == "Indexed")
        {
            if (spec["completions"] is null)
            {
                errors.Required($"{field}.completions", "when completion mode is Indexed");
            }
            else if (spec.Number("completions") > MostIndexes)
            {
                errors.Invalid($"{field}.completions", spec["completions"], $"must be less than or equal to {MostIndexes}");
            }

            return;
        }

        foreach (var member in (string[])["backoffLimitPerIndex", "maxFailedIndexes"])
        {
            if (spec["completionMode"] is not null && spec[member] is { } given)
            {
                errors.Invalid($"{field}.{member}", given, "requires indexed completion mode");
            }
        }
    }

    private static void CheckFailurePolicy(JsonObject spec, string field, FieldErrors errors)
    {
        var rules = spec.Object("podFailurePolicy")?.Objects("rules").ToList() ?? [];
        if (rules.Count > MostFailureRules)
        {
            errors.TooMany($"{field}.podFailurePolicy.rules", rules.Count, MostFailureRules);
        }

        for (var i = 0; i < rules.Count; i++)
        {
            var at = FormattableString.Invariant($"{field}.podFailurePolicy.rules[{i}]");
            var rule = rules[i];
            if (rule.Text("action") is null or "")
            {
                errors.Required($"{at}.action", "valid values: \"Count\", \"FailIndex\", \"FailJob\", \"Ignore\"");
            }
            else
            {
                PodSpecRules.CheckOneOf(rule, "action", s_failureActions, at, errors);
            }

            var codes = rule.Object("onExitCodes");
            var conditions = rule.List("onPodConditions") is { Count: > 0 };
            if (codes is not null && conditions)
            {
                errors.Invalid(at, rule, "specifying both OnExitCodes and OnPodConditions is not supported");
            }
            else if (codes is null && !conditions)
            {
                errors.Invalid(at, rule, "specifying one of OnExitCodes and OnPodConditions is required");
            }

            if (codes is not null)
            {
                CheckExitCodes(codes, $"{at}.onExitCodes", errors);
            }
        }
    }

    private static void CheckExitCodes(JsonObject codes, string field, FieldErrors errors)
    {
        var values = codes.List("values") ?? [];
        switch (codes.Text("operator"))
        {
            case "In" or "NotIn":
                break;
            case null or "":
                errors.Required($"{field}.operator", "valid values: \"In\", \"NotIn\"");
                break;
            default:
                errors.NotSupported($"{field}.operator", codes.Text("operator")!, "In", "NotIn");
                break;
        }

        if (values.Count == 0)
        {
            errors.Invalid($"{field}.values", values, "at least one value is required");
        }

        var seen = new HashSet<string>();
        for (var i = 0; i < values.Count; i++)
        {
            var at = FormattableString.Invariant($"{field}.values[{i}]");
            var text = values[i]!.ToJsonString();
            if (text == "0" && codes.Text("operator") == "In")
            {
                errors.Invalid(at, values[i], "must not be 0 for the In operator");
            }

            if (!seen.Add(text))
            {
                errors.Duplicate(at, values[i]!);
            }
        }
    }

    /// <summary>What the server wrote itself must still stand there.</summary>
    private static void CheckGeneratedSelector(JsonObject job, JsonObject spec, FieldErrors errors)
    {
        if (spec.IsTrue("manualSelector") || spec.Object("selector") is not { } selector)
        {
            return;
        }

        var metadata = job.Object("metadata")!;
        var expected = new JsonObject();
        foreach (var (label, value) in (ReadOnlySpan<(string, string?)>)
        [
            (BatchDefaults.ControllerUid, metadata.Text("uid")), (BatchDefaults.JobName, metadata.Text("name")),
            (BatchDefaults.LegacyControllerUid, metadata.Text("uid")), (BatchDefaults.LegacyJobName, metadata.Text("name")),
        ])
        {
            expected[label] = value;
            if (Labels(spec)?.Text(label) is not { } found)
            {
                errors.Required($"spec.template.metadata.labels[{label}]", $"must be '{value}'");
            }
            else if (found != value)
            {
                errors.Invalid($"spec.template.metadata.labels[{label}]", Labels(spec), $"must be '{value}'");
            }
        }

        if (!SelectorRules.Matches(selector, expected))
        {
            errors.Invalid("spec.selector", selector, "`selector` not auto-generated");
        }
    }

    private static void CheckChange(JsonObject spec, JsonObject before, JsonObject old, FieldErrors errors)
    {
        if (!JsonNode.DeepEquals(spec["completions"], before["completions"]) && !IsElastic(spec))
        {
            errors.Invalid("spec.completions", spec["completions"], NumberRules.Immutable);
        }

        foreach (var member in (string[])["selector", "template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"])
        {
            var wanted = spec[member];
            if (member == "template" && MayBeMoved(spec, before, old))
            {
                wanted = WithScheduling(spec.Object(member)!, before.Object(member)!);
            }

            if (!JsonNode.DeepEquals(wanted, before[member]))
            {
                errors.Invalid($"spec.{member}", spec[member], NumberRules.Immutable);
            }
        }
    }

    /// <summary>An indexed job may grow and shrink, when both numbers do so together.</summary>
    private static bool IsElastic(JsonObject spec) => spec.Text("completionMode") == "Indexed"
        && spec["completions"] is not null && JsonNode.DeepEquals(spec["completions"], spec["parallelism"]);

    /// <summary>A job that is suspended and has not started yet may still be sent to other nodes.</summary>
    private static bool MayBeMoved(JsonObject spec, JsonObject before, JsonObject old) =>
        before.IsTrue("suspend") && old.Object("status")?["startTime"] is null && spec.Object("template") is not null && before.Object("template") is not null;

    /// <summary>The template with what schedulers may change taken from the one before.</summary>
    private static JsonObject WithScheduling(JsonObject template, JsonObject before)
    {
        var copy = (JsonObject)template.DeepClone();
        foreach (var member in (string[])["labels", "annotations"])
        {
            copy.ObjectOrNew("metadata").SetOrRemove(member, before.Object("metadata")?[member]?.DeepClone());
        }

        foreach (var member in (string[])["affinity", "nodeSelector", "tolerations", "schedulingGates"])
        {
            copy.ObjectOrNew("spec").SetOrRemove(member, before.Object("spec")?[member]?.DeepClone());
        }

        return copy;
    }

    private static JsonObject? Labels(JsonObject spec) => spec.Object("template")?.Object("metadata")?.Object("labels");
}
