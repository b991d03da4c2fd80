using System.Globalization;
using System.Text.Json;

namespace EdgeSync.CloudCore.EmbeddedApi.Tables;

/// <summary>The cell TARGETS of an autoscaler: what each metric is and should be, as <c>cpu: 10%/50%</c>.</summary>
internal static class AutoscalerTargets
{
    private const int MostShown = 2;
    private const string Unknown = "<unknown>";

    public static string Of(JsonElement autoscaler)
    {
        var specs = autoscaler.At("spec", "metrics").Items().ToList();
        if (specs.Count == 0)
        {
            return V1(autoscaler);
        }

        var current = autoscaler.At("status", "currentMetrics").Items().ToList();
        var shown = specs.Take(MostShown).Select((spec, i) => Metric(spec, i < current.Count ? current[i] : default));
        var text = string.Join(", ", shown);
        return specs.Count > MostShown ? string.Create(CultureInfo.InvariantCulture, $"{text} + {specs.Count - MostShown} more...") : text;
    }

    /// <summary>autoscaling/v1 knows the processor and nothing else.</summary>
    private static string V1(JsonElement autoscaler)
    {
        if (autoscaler.At("spec", "targetCPUUtilizationPercentage") is not { ValueKind: JsonValueKind.Number } wanted)
        {
            return "<none>";
        }

        var now = Percent(autoscaler.At("status", "currentCPUUtilizationPercentage"));
        return string.Create(CultureInfo.InvariantCulture, $"cpu: {now}/{wanted.Number()}%");
    }

    private static string Metric(JsonElement spec, JsonElement current)
    {
        switch (spec.At("type").Text())
        {
            case "Resource":
                return Resource(spec.At("resource"), current.At("resource", "current"));
            case "ContainerResource":
                return Resource(spec.At("containerResource"), current.At("containerResource", "current"));
            case "Pods":
                return $"{Amount(current.At("pods", "current", "averageValue"))}/{spec.At("pods", "target", "averageValue").Text()}";
            case "Object":
                return Value(spec.At("object", "target"), current.At("object", "current"));
            case "External":
                return Value(spec.At("external", "target"), current.At("external", "current"));
            default:
                return "<unknown type>";
        }
    }

    private static string Resource(JsonElement metric, JsonElement current)
    {
        var name = metric.At("name").Text();
        return metric.At("target", "averageValue") is { ValueKind: JsonValueKind.String } average
            ? $"{name}: {Amount(current.At("averageValue"))}/{average.Text()}"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{name}: {Percent(current.At("averageUtilization"))}/{metric.At("target", "averageUtilization").Number()}%");
    }

    private static string Value(JsonElement target, JsonElement current) =>
        target.At("averageValue") is { ValueKind: JsonValueKind.String } average
            ? $"{Amount(current.At("averageValue"))}/{average.Text()} (avg)"
            : $"{Amount(current.At("value"))}/{target.At("value").Text()}";

    private static string Amount(JsonElement amount) => amount.ValueKind == JsonValueKind.String ? amount.Text() : Unknown;

    private static string Percent(JsonElement number) => number.ValueKind == JsonValueKind.Number
        ? string.Create(CultureInfo.InvariantCulture, $"{number.Number()}%")
        : Unknown;
}
