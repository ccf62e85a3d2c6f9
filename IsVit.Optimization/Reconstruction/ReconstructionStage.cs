using System.Diagnostics;
using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Optimization.Stages;
using Microsoft.Extensions.Logging;
using TorchSharp.Modules;

namespace IsVit.Optimization.Reconstruction;

/// <summary>
/// Reconstructs every unit in the order in which they run (eq. 12), with sites quantized as the stages before left them. Inputs and targets are streamed:
/// one forward a batch for the whole stage.
/// </summary>
/// <param name="name">The name by which recipes call the stage.</param>
/// <param name="input">Where a unit's input comes from.</param>
/// <param name="iterationFactor">How many times the options' steps each unit gets.</param>
public sealed class ReconstructionStage(string name, UnitInput input, int iterationFactor = 1) : IQuantizationStage
{
    /// <inheritdoc/>
    public string Name => name;

    /// <summary>Where a unit's input comes from.</summary>
    public UnitInput Input => input;

    /// <summary>The steps that each unit gets.</summary>
    /// <param name="options">The options.</param>
    public int IterationsFor(QuantizationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Reconstruction.IterationsFor(options.WeightBits, options.ActivationBits) * iterationFactor;
    }

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        RequireBudget(context);
        using var floatFlow = new UnitFlow(context.Attachment, context.Batches);
        using var quantizedFlow = input == UnitInput.Quantized ? new UnitFlow(context.Attachment, context.Batches) : null;
        for (var i = 0; i < context.Graph.Units.Count; i++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            var result = Reconstruct(context, i, floatFlow, quantizedFlow);
            context.Add(result);
            Log.UnitReconstructed(context.Logger, result.Stage, result.Unit, result.LossBefore, result.LossAfter, result.Iterations, result.Duration, result.StopReason);
        }
    }

    private UnitResult Reconstruct(QuantizationContext context, int index, UnitFlow floatFlow, UnitFlow? quantizedFlow)
    {
        var clock = Stopwatch.StartNew();
        var unit = context.Graph.Units[index];
        var parameters = TrainableParameters(context, unit);
        var iterations = IterationsFor(context.Options);
        context.Progress.BeginUnit(unit.Path, index, context.Graph.Units.Count, iterations);
        if (parameters.Count == 0 || !context.Attachment.Bindings.Any(binding => unit.Contains(binding.Site.Path) && binding.State == SiteState.Quantized))
        {
            context.Progress.EndUnit(iterations);
            return new UnitResult(unit.Path, name, 0, 0, 0, clock.Elapsed, StopReason.NothingToDo);
        }

        if (context.Checkpoint?.TryLoadUnit(context.Progress.StageIndex, name, unit, parameters) is { } earlier)
        {
            context.Progress.EndUnit(iterations);
            return earlier;
        }

        ActivationCache inputs;
        ActivationCache targets;
        using (context.Attachment.Suspend())
        using (context.FloatParameters.Use())
        {
            inputs = quantizedFlow is null ? new ActivationCache(floatFlow.AdvanceToInput(unit, context.CancellationToken)) : null!;
            targets = new ActivationCache(floatFlow.AdvanceToOutput(unit, context.CancellationToken));
        }

        if (quantizedFlow is not null)
        {
            inputs = new ActivationCache(quantizedFlow.AdvanceToInput(unit, context.CancellationToken));
        }

        var random = new Random(HashCode(context.Options.Seed, context.Progress.StageIndex, index));
        var (before, after, made, reason) = new UnitReconstructor(context.Attachment, context.Loss, context.Options.Reconstruction).Reconstruct(
            unit,
            [.. parameters.Select(static entry => entry.Parameter)],
            inputs,
            targets,
            iterations,
            random,
            (iteration, loss) => context.Progress.Step(unit.Path, index, context.Graph.Units.Count, iteration, iterations, loss),
            context.CancellationToken);
        context.Progress.EndUnit(iterations - made);
        var result = new UnitResult(unit.Path, name, before, after, made, clock.Elapsed, reason);
        context.Checkpoint?.SaveUnit(context.Progress.StageIndex, result, parameters);
        return result;
    }

    // Weights and biases of the unit's layers; normalisation and everything else stays frozen.
    private static List<(string Name, Parameter Parameter)> TrainableParameters(QuantizationContext context, Unit unit)
    {
        var parameters = new List<(string, Parameter)>();
        foreach (var (path, module) in context.Graph.Modules)
        {
            if (!unit.Contains(path) || !SiteWeights.HasWeight(module))
            {
                continue;
            }

            foreach (var (own, parameter) in module.named_parameters(recurse: false))
            {
                parameters.Add((path.Length == 0 ? own : $"{path}.{own}", parameter));
            }
        }

        return parameters;
    }

    private void RequireBudget(QuantizationContext context)
    {
        var images = context.Batches.Sum(static batch => batch.shape[0]);
        var needed = context.Graph.Units.Max(static unit => unit.BytesPerSample) * images;
        var largest = context.Graph.Units.MaxBy(static unit => unit.BytesPerSample)!;
        Log.CacheSize(context.Logger, name, needed >> 20, largest.Path, context.Options.Reconstruction.CacheBudgetBytes >> 20);
        if (needed > context.Options.Reconstruction.CacheBudgetBytes)
        {
            throw new QuantizationException(
                $"The inputs and targets of unit '{largest.Path}' take {needed >> 20} MiB for {images} images, more than {nameof(ReconstructionOptions.CacheBudgetBytes)} allows ({context.Options.Reconstruction.CacheBudgetBytes >> 20} MiB). Use fewer images, or allow more.");
        }
    }

    private static int HashCode(int seed, int stage, int unit) => unchecked((((seed * 31) + stage) * 1009) + unit);
}
