using IsVit.Core.Graph;
using IsVit.Core.Memory;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Reporting;
using static TorchSharp.torch;

namespace IsVit.Optimization;

public sealed partial class ModelQuantizer
{
    /// <summary>Whether the recipe's first reconstruction is one whose units depend on the float model alone, so that <see cref="ReconstructAhead"/> can divide it.</summary>
    public bool CanReconstructAhead => FirstReconstruction?.Input == UnitInput.Full;

    private ReconstructionStage? FirstReconstruction => _recipe.Stages.OfType<ReconstructionStage>().FirstOrDefault();

    /// <summary>
    /// Reconstructs some units of the recipe's first reconstruction (stage 1 of I&amp;S-ViT, arXiv 2311.10126, section 4.3) and stores them in the run's checkpoint, as part of a run that is divided over several
    /// processes or machines. The inputs and targets of these units come from the float model, so none depends on another: a whole run that finds the files of all checkpoints in its own resumes behind that
    /// reconstruction, and gives the same model, bit for bit, as if it had reconstructed every unit itself on the same kind of machine. The stages before it, which are quick, run in every process.
    /// </summary>
    /// <param name="model">The model; it is left as it was.</param>
    /// <param name="samples">Calibration samples, the same in every process, with the same options.</param>
    /// <param name="units">Whether to reconstruct a unit, by its index in execution order, from 0.</param>
    /// <param name="run">The checkpoint's folder, which must be set, and progress. Scores are not computed.</param>
    /// <param name="cancellationToken">Stops the run within one iteration; finished units stay in the checkpoint.</param>
    /// <returns>The results of the chosen units.</returns>
    /// <exception cref="ArgumentException"><see cref="QuantizationRun.CheckpointDirectory"/> is null.</exception>
    /// <exception cref="QuantizationException">The recipe has no such reconstruction, or the graph or the samples cannot be quantized as asked.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IReadOnlyList<UnitResult> ReconstructAhead(ModelForward model, InMemorySamples samples, Func<int, bool> units, QuantizationRun run, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(units);
        ArgumentNullException.ThrowIfNull(run);
        if (run.CheckpointDirectory is null)
        {
            throw new ArgumentException($"{nameof(QuantizationRun.CheckpointDirectory)} is null; expected the folder for the units.", nameof(run));
        }

        if (!CanReconstructAhead)
        {
            throw new QuantizationException($"The recipe '{_recipe.Name}' has no reconstruction whose units depend on the float model alone and that comes before all others; its units cannot be divided.");
        }

        OpenMpTeam.Adopt();
        using var differentiable = inference_mode(false);
        using var scope = NewDisposeScope();
        using var context = Prepare(model, samples, run, cancellationToken);
        context.IsChosen = units;
        var last = _recipe.Stages.ToList().IndexOf(FirstReconstruction!);
        foreach (var stage in _recipe.Stages.Take(last + 1))
        {
            stage.Check(context);
        }

        for (var i = 0; i <= last; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            context.Progress.BeginStage(_recipe.Stages[i].Name, i);
            _recipe.Stages[i].Run(context);
        }

        return [.. context.Units];
    }
}
