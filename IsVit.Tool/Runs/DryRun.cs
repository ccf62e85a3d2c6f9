using System.Globalization;
using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Core.Samples;
using IsVit.Optimization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Stages;
using IsVit.Quantizers.FreeLevels;
using IsVit.Tool.Cli;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Progress;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using IsVit.Tool.Workloads;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary><c>isvit quantize --dry-run</c>: what the run would do, what it would take, and what would come out.</summary>
internal static class DryRun
{
    // Numbers of a channel; a site's names, checksum and statistics in the file.
    private const long BytesOfNumber = 4;
    private const long BytesOfSite = 500;

    // As many images as a pass is measured with.
    private const double MeasuredImages = 8;
    private const double Megabyte = 1e6;

    /// <summary>Prepares the run as far as its first stage, and writes what is known then.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="work">The model and its images.</param>
    /// <param name="calibration">The calibration images.</param>
    /// <param name="configure">Sets the options of the run.</param>
    /// <param name="checkpoint">Where it would keep finished units; null for nowhere.</param>
    /// <param name="cancellationToken">Stops before the next part.</param>
    /// <returns>The exit code.</returns>
    public static int Write(ToolConsole console, QuantizeArguments arguments, IWorkload work, InMemorySamples calibration, Action<QuantizationOptions> configure, CheckpointFolder? checkpoint, CancellationToken cancellationToken)
    {
        var quantizer = ModelQuantizer.Create(configure, new ConsoleWarnings(console));
        var before = Environment.WorkingSet / Megabyte;
        var estimate = quantizer.EstimateDuration(work.Model, calibration);
        var memoryOfImage = Math.Max(0, PeakMemory.Megabytes() - before) / Math.Min(MeasuredImages, calibration.Count);
        cancellationToken.ThrowIfCancellationRequested();
        PlanJson plan;
        using (var context = quantizer.Prepare(work.Model, calibration, cancellationToken: cancellationToken))
        {
            foreach (var stage in context.Recipe.Stages)
            {
                stage.Check(context);
            }

            // The float model is scored as well, once.
            var tests = estimate.ForwardOfImage * work.TestCount;
            plan = Plan(arguments, work, context, QuantizeRun.Expected(estimate, arguments, tests) + tests, before, memoryOfImage);
        }

        Show(console, arguments, plan);
        if (checkpoint is not null)
        {
            console.Out.WriteLine(checkpoint.Announcement);
        }

        console.Out.WriteLine("dry run: nothing was quantized or saved");
        if (arguments.Json is not null)
        {
            JsonFile.Write(arguments.Json, plan, PlanJsonContext.Default.PlanJson);
        }

        return ExitCode.Success;
    }

    private static PlanJson Plan(QuantizeArguments arguments, IWorkload work, QuantizationContext context, TimeSpan time, double memoryBefore, double memoryOfImage)
    {
        var bindings = context.Attachment.Bindings;
        var sites = bindings
            .GroupBy(static binding => (Role: binding.Site.Role.ToString(), binding.Quantizer.Scheme, Granularity: binding.Quantizer.Granularity.ToString()!, Bits: binding.Quantizer.Bits.Bits))
            .Select(static group => new PlannedSitesJson(group.Key.Role, group.Key.Scheme, group.Key.Granularity, group.Key.Bits, group.Count()))
            .OrderBy(static sites => sites.Role != nameof(Model.SiteRole.Weight)).ThenBy(static sites => sites.Role, StringComparer.Ordinal).ThenByDescending(static sites => sites.Count);
        var floatBytes = RunDescription.FloatBytes(work.Model.Module);
        var activations = context.Recipe.Stages.Max(stage => stage.MemoryFor(context));
        return new PlanJson(
            work.Name,
            arguments.Method,
            arguments.Budget?.ToString(),
            [.. sites],
            context.Graph.Sites.Count - bindings.Count,
            [.. context.Recipe.Stages.Select(stage => new PlannedStageJson(stage.Name, stage.StepsFor(context.Options, context.Graph.Units.Count)))],
            context.Graph.Units.Count,
            time.TotalSeconds,
            memoryBefore + ((floatBytes + activations) / Megabyte) + (memoryOfImage * ImagesOfStep(arguments, context)),
            activations,
            arguments.Budget is null ? FileBytes(work.Model.Module, bindings, floatBytes) : null,
            floatBytes);
    }

    // A step of tuning goes through the whole model, one of reconstruction through a unit; to look at images takes a few of the whole.
    private static double ImagesOfStep(QuantizeArguments arguments, QuantizationContext context)
    {
        var images = (double)Math.Min(arguments.BatchSize, context.Batches.Sum(static batch => batch.Count));
        return Math.Max(MeasuredImages, arguments.TuningSteps > 0 ? images : images / Math.Max(1, context.Graph.Units.Count));
    }

    private static long FileBytes(torch.nn.Module model, IEnumerable<SiteBinding> bindings, long floatBytes)
    {
        using var scope = torch.NewDisposeScope();
        var parameters = model.named_parameters().ToDictionary(static entry => entry.name, static entry => entry.parameter, StringComparer.Ordinal);
        var bytes = floatBytes;
        foreach (var binding in bindings)
        {
            bytes += BytesOfSite;
            if (binding.IsWeight && parameters.GetValueOrDefault($"{binding.Site.Path}.weight") is { } weight)
            {
                bytes += (((weight.numel() * binding.Quantizer.Bits.Bits) + 7) / 8) - (weight.numel() * weight.element_size()) + (weight.shape[0] * BytesOfChannel(binding.Quantizer));
            }
        }

        return bytes;
    }

    // A scale, and an offset or a byte for every level.
    private static long BytesOfChannel(IQuantizer quantizer) => BytesOfNumber + (quantizer.Scheme == ChannelLevelsQuantizer.SchemeName ? quantizer.Bits.CodeCount : BytesOfNumber);

    private static void Show(ToolConsole console, QuantizeArguments arguments, PlanJson plan)
    {
        var sites = new ToolTable("kind of site", "quantizer", "granularity", "bits", "sites");
        foreach (var kind in plan.Sites)
        {
            sites.AddRow(kind.Role, kind.Quantizer, kind.Granularity, plan.Budget is null ? Text(kind.Bits) : "by --budget", Text(kind.Count));
        }

        sites.Write(console.Ansi);
        if (plan.FloatSites > 0)
        {
            Say(console, $"sites in float: {plan.FloatSites}");
        }

        var stages = new ToolTable("stage", "iterations", "of each unit");
        foreach (var stage in plan.Stages)
        {
            var each = arguments.Recipe.Stages.First(known => known.Name == stage.Name) is Optimization.Reconstruction.ReconstructionStage ? Text(stage.Iterations / plan.Units) : "-";
            stages.AddRow(stage.Name, stage.Iterations == 0 ? "-" : Text(stage.Iterations), each);
        }

        stages.Write(console.Ansi);
        Say(console, $"units: {plan.Units}");
        Say(console, $"expected time: {RemainingTime.Rounded(TimeSpan.FromSeconds(plan.Seconds))} on this machine as busy as it is now{Besides(arguments)}");
        Say(console, $"expected peak memory: about {plan.PeakMemoryMb:F0} MB, of which {plan.ActivationBytes / Megabyte:F0} MB are activations of the largest unit");
        if (plan.ModelBytes is { } bytes)
        {
            Say(console, $"expected size of the model: about {bytes / Megabyte:F2} MB, in float {plan.FloatBytes / Megabyte:F2} MB");
        }
    }

    // What no pass of the model foretells.
    private static string Besides(QuantizeArguments arguments) => (arguments.Budget, arguments.Report) switch
    {
        (null, null) => "",
        (null, _) => ", and besides what the report takes",
        (_, null) => ", and besides what it takes to find the sites' bits",
        _ => ", and besides what it takes to find the sites' bits and to write the report",
    };

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static void Say(ToolConsole console, FormattableString text) => console.Out.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
