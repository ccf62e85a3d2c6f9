using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Reports.Contents;
using static TorchSharp.torch;

namespace IsVit.Reports.Measuring;

/// <summary>Looks at a unit's loss around its weights in the course of a run: when stage 2 begins, and when the stage behind it does.</summary>
internal sealed class LandscapeMeasurement : IDisposable
{
    // Rounding alone makes less of a difference, a code that it flips included.
    private const double MostDifference = 1e-2;

    private readonly IReadOnlyList<SampleBatch> _samples;
    private readonly IReadOnlyList<double> _steps;
    private readonly ModelObservation _float;
    private readonly string? _named;
    private int _stage = -1;
    private string? _unit;
    private double[][]? _before;
    private double[][]? _after;

    /// <summary>Looks at a float model.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="samples">What the loss is over.</param>
    /// <param name="unit">The unit's path; null for the one with the largest error.</param>
    /// <param name="steps">The points along each direction, 0 in the middle.</param>
    /// <param name="trace">How units are found.</param>
    /// <exception cref="QuantizationException">The model has no such unit.</exception>
    public LandscapeMeasurement(ModelForward model, IReadOnlyList<SampleBatch> samples, string? unit, IReadOnlyList<double> steps, TraceOptions trace)
    {
        (_samples, _steps, _named) = (samples, steps, unit);
        _float = ModelObservation.OfFloat(model, samples, trace);
        if (unit is not null && !_float.UnitPaths.Contains(unit, StringComparer.Ordinal))
        {
            var known = string.Join(", ", _float.UnitPaths.Select(static path => $"'{path}'"));
            _float.Dispose();
            throw new QuantizationException($"'{unit}', whose loss is to be looked at around its weights, is no unit of the model; expected one of {known}.");
        }
    }

    /// <summary>Why there is nothing to show, although a run had a stage 2; null where nothing stood in the way.</summary>
    public string? Obstacle { get; private set; }

    /// <summary>Looks at the model if a stage begins that is stage 2 or comes right behind it.</summary>
    /// <param name="progress">What a run reports.</param>
    public void Hear(QuantizationProgress progress)
    {
        // Who hears of it later, or on another thread, hears of a model that has gone on.
        if (progress.Unit is not null || StageProgress.Current is not { Attachment: { } attachment } current)
        {
            return;
        }

        if (progress.Stage == StageNames.Reparameterization)
        {
            (_stage, _before, _after, Obstacle) = (progress.StageIndex, null, null, null);
            Attempt(() => (_unit = _named ?? UnitOfLargestError(attachment)) is { } unit ? _before = Look(attachment, unit, current.CancellationToken) : null);
        }
        else if (progress.StageIndex == _stage + 1)
        {
            LookAfter(attachment, current.CancellationToken);
        }
    }

    /// <summary>What was found.</summary>
    /// <param name="quantized">The model at the end of the run, which is what stage 2 made of it if that came last.</param>
    /// <returns>Null if the run had no stage 2, or one that found nothing to do, or units that do not run alone.</returns>
    public LossLandscape? Find(QuantizedModel quantized)
    {
        if (quantized.Report?.Stages is [.., { Name: StageNames.Reparameterization }])
        {
            LookAfter(quantized.Attachment, CancellationToken.None);
        }

        return _before is null || _after is null
            ? null
            : new() { Unit = _unit!, SampleCount = (int)_samples.Sum(static batch => batch.Count), Steps = _steps, Before = _before, After = _after };
    }

    public void Dispose() => _float.Dispose();

    private void LookAfter(GraphAttachment attachment, CancellationToken cancellationToken)
    {
        if (_before is not null && _after is null)
        {
            Attempt(() => _after = Look(attachment, _unit!, cancellationToken));
        }
    }

    // A picture must not cost the run.
    private void Attempt(Func<double[][]?> look)
    {
        try
        {
            look();
        }
#pragma warning disable CA1031 // What a unit throws that does not run alone is not known.
        catch (Exception error) when (error is not OperationCanceledException)
#pragma warning restore CA1031
        {
            var reason = error.Message.Split('\n')[0];
            Obstacle = error is QuantizationException ? reason : $"the unit '{_unit}' cannot be run alone: {reason}";
        }
    }

    // A unit that a LayerNorm outside feeds is a single layer, whose loss is a bowl whatever its quantizers are.
    private string? UnitOfLargestError(GraphAttachment attachment)
    {
        using var observed = ModelObservation.OfQuantized(attachment, _samples);
        var changed = attachment.Bindings.Where(static binding => binding is { Site: { Role: SiteRole.PostLayerNorm, Producer: not null }, State: SiteState.Quantized, Quantizer.Granularity: Granularity.PerChannel }).ToList();
        var whole = Units(static (unit, binding) => unit.Contains(binding.Site.Path) && unit.Contains(binding.Site.Producer!));
        var units = whole.Count > 0 ? whole : Units(static (unit, binding) => unit.Contains(binding.Site.Path));
        return observed.ErrorsFrom(_float).Where(error => units.Contains(error.Unit)).MaxBy(static error => error.RelativeError)?.Unit;

        HashSet<string> Units(Func<Unit, SiteBinding, bool> fits) => [.. attachment.Graph.Units.Where(unit => changed.Exists(binding => fits(unit, binding))).Select(static unit => unit.Path)];
    }

    private double[][] Look(GraphAttachment attachment, string path, CancellationToken cancellationToken)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var unit = attachment.Graph.Units.First(known => known.Path == path);
        var (inputs, given) = Activations(attachment, unit, cancellationToken);
        var wanted = _float.OutputsOf(path);
        var module = TypedModule.TryOf(attachment.Graph.Modules[path])!;
        using var plane = new WeightPlane(attachment.Graph, unit);
        if (!(Loss(given) <= MostDifference))
        {
            throw new QuantizationException($"the unit '{path}' does not give alone what it gives in the model");
        }

        return [.. _steps.Select(second => _steps.Select(first =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            plane.MoveTo(first, second);
            return Loss(wanted);
        }).ToArray())];

        double Loss(IReadOnlyList<Tensor> target)
        {
            using var inner = NewDisposeScope();
            return ModelObservation.RelativeError([.. inputs.SelectMany(input => module.Run(input.Copy()).Tensors).Where(static output => is_floating_point(output))], target);
        }
    }

    private (List<PackedTensors> Inputs, List<Tensor> Outputs) Activations(GraphAttachment attachment, Unit unit, CancellationToken cancellationToken)
    {
        using var flow = new UnitFlow(attachment, _samples);
        var (inputs, outputs) = flow.AdvanceThrough(unit, cancellationToken);
        return (
            [.. inputs.Select(static input => input.With([.. input.Tensors.Select(static tensor => tensor.detach().clone())]))],
            [.. outputs.SelectMany(static output => output.Tensors).Where(static tensor => is_floating_point(tensor)).Select(static tensor => tensor.detach().clone())]);
    }
}
