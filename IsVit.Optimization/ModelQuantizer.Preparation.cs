using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Checkpoints;
using IsVit.Optimization.Options;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Quantizers;
using static TorchSharp.torch;

namespace IsVit.Optimization;

public sealed partial class ModelQuantizer
{
    /// <summary>
    /// Prepares the context that stages work on, without running any stage: the traced model with the recipe's quantizers at its sites, all of them off. For stages that are run one by one, such as a stage of the caller's own in a test.
    /// Disposing the context restores the model.
    /// </summary>
    /// <param name="model">Any TorchSharp module graph, together with how a batch is passed through it.</param>
    /// <param name="samples">Calibration samples as the model takes them, on its device. They must live as long as the context.</param>
    /// <param name="run">Progress, a checkpoint, and options for tracing.</param>
    /// <param name="cancellationToken">Stops stages within one iteration.</param>
    /// <returns>The context with the recipe's stages: call <c>stage.Check(context)</c>, then <c>stage.Run(context)</c>, in the default gradient mode (neither <c>no_grad</c> nor <c>inference_mode</c>).</returns>
    /// <exception cref="QuantizationException">The graph or the samples cannot be quantized as asked.</exception>
    public QuantizationContext Prepare(ModelForward model, InMemorySamples samples, QuantizationRun? run = null, CancellationToken cancellationToken = default) =>
        Prepare(model, samples, run ?? new QuantizationRun(), (site, spec) => _quantizers.Create(spec, site.Role == SiteRole.Weight), static _ => null, cancellationToken);

    /// <summary>Makes a context with other quantizers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="samples">The samples.</param>
    /// <param name="run">What goes with the run.</param>
    /// <param name="create">Makes a site's quantizer.</param>
    /// <param name="hook">Called before the quantizers' hooks are registered; what it gives is disposed with the context.</param>
    /// <param name="cancellationToken">Stops stages within one step.</param>
    private QuantizationContext Prepare(
        ModelForward model,
        InMemorySamples samples,
        QuantizationRun run,
        Func<Site, QuantizerSpec, IQuantizer> create,
        Func<ModuleGraph, IDisposable?> hook,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        cancellationToken.ThrowIfCancellationRequested();
        using var differentiable = inference_mode(false);
        var owned = new Stack<IDisposable>();
        T Own<T>(T part)
            where T : IDisposable
        {
            owned.Push(part);
            return part;
        }

        try
        {
            Own(new EvaluationScope(model.Module));
            var batches = CalibrationBatches.Split(samples.Batches, _options.Reconstruction.BatchSize);
            batches.ForEach(batch => Own(new OwnedInputs(batch)));
            CalibrationBatches.RequireFinite(batches);
            var graph = Trace(model, batches[0], run.Trace);
            var sites = new SiteQuantizers(graph, _options, _recipe);
            sites.RequireOverridesToFit();
            var original = Own(new ParameterSnapshot(model.Module));
            if (hook(graph) is { } hooks)
            {
                Own(hooks);
            }

            var attachment = Own(GraphAttachment.Attach(graph, sites.Choose(create)));
            LogObstacle(batches[0][0]);
            var checkpoint = run.CheckpointDirectory is null ? null : Own(RunCheckpoint.Open(run.CheckpointDirectory, _options, _recipe, _loss, graph, batches));
            var kept = FindKeptZeros(graph);
            var progress = new StageProgress(run.Progress)
            {
                Attachment = attachment,
                CancellationToken = cancellationToken,
                Work = [.. _recipe.Stages.Select(stage => WorkOf(stage, samples.Count, graph.Units.Count))],
                StepsTotal = _recipe.Stages.Sum(stage => stage.StepsFor(_options, graph.Units.Count)),
            };
            var context = new QuantizationContext(attachment, original, batches, _options, _recipe, _quantizers, _loss, _logger, progress, cancellationToken) { Checkpoint = checkpoint, Kept = kept };

            // The attachment may outlive the context.
            context.Own(owned.Reverse().Where(part => !ReferenceEquals(part, attachment)).Append(kept));
            return context;
        }
        catch (Exception e)
        {
            foreach (var part in owned)
            {
                part.Dispose();
            }

            Log.RunAbandoned(_logger, e);
            throw;
        }
    }

    // A way back takes about twice as long as the way there; a stage that does not say what it costs takes some time too.
    private double WorkOf(IQuantizationStage stage, long images, int units) =>
        stage.WorkFor(_options, _recipe, images).For(units) is var work && work.Forwards + (3 * work.Steps) is > 0 and var cost ? cost : images;

    private static ModuleGraph Trace(ModelForward model, SampleBatch batch, TraceOptions options)
    {
        using var scope = NewDisposeScope();
        return ModuleGraph.Trace(model, batch.Slice(0, 1), options);
    }

    private PrunedWeights? FindKeptZeros(ModuleGraph graph)
    {
        var pruned = PrunedWeights.Find(graph);
        if (_options.Sparsity == SparsityHandling.Keep)
        {
            return pruned;
        }

        if (pruned.Shares.Count > 0)
        {
            var (layer, share) = pruned.Shares.MaxBy(static entry => entry.Value);
            Log.ZerosMayBeLost(_logger, pruned.Shares.Count, layer, share);
        }

        pruned.Dispose();
        return null;
    }

    private void LogObstacle(Tensor images)
    {
        if (FusedKernels.Obstacle(images) is { } obstacle)
        {
            Log.CudaKernelsUnavailable(_logger, obstacle);
        }
    }

    // Views that belong to no dispose scope, for a context may live longer than the one that is open.
    private sealed class OwnedInputs : IDisposable
    {
        private readonly SampleBatch _batch;

        public OwnedInputs(SampleBatch batch)
        {
            _batch = batch;
            foreach (var input in batch.Inputs)
            {
                input.DetachFromDisposeScope();
            }
        }

        public void Dispose() => _batch.DisposeInputs();
    }
}
