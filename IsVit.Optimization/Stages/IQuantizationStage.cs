using IsVit.Model.Quantization;
using IsVit.Optimization.Options;

namespace IsVit.Optimization.Stages;

/// <summary>One step of a recipe, which works on a model with attached quantizers.</summary>
/// <remarks><c>ModelQuantizer.Prepare</c> creates the context for running a single stage, such as in a test.</remarks>
public interface IQuantizationStage
{
    /// <summary>The name that options, reports and other stages use for the stage.</summary>
    string Name { get; }

    /// <summary>The names of stages that this one builds on, or whose work it would undo: in a recipe that contains them they come before this one. A recipe in another order is an error.</summary>
    IReadOnlyCollection<string> After => [];

    /// <summary>The types of results of earlier stages that it uses if they exist (<see cref="QuantizationContext.Find"/>).</summary>
    IReadOnlyCollection<Type> Reads => [];

    /// <summary>The types of results that it publishes for later stages (<see cref="QuantizationContext.Publish"/>). It is an error if all stages of a recipe that read a result come before the stage that writes it.</summary>
    IReadOnlyCollection<Type> Writes => [];

    /// <summary>Whether it prepares or measures the float model, without changing its function, before anything is quantized. Sensitivities are measured after such stages.</summary>
    bool IsPreparation => false;

    /// <summary>What its result depends on besides the run's options, as text: its own settings. A checkpoint of a run with other settings is rejected.</summary>
    string Settings => "";

    /// <summary>The number of iterations that the stage reports one by one (<see cref="QuantizationContext.Progress"/>).</summary>
    /// <param name="options">The options.</param>
    /// <param name="units">How many units the model has.</param>
    long StepsFor(QuantizationOptions options, int units) => 0;

    /// <summary>The approximate amount of work of the stage, for estimating in advance how long a run will take (<c>ModelQuantizer.EstimateDuration</c>).</summary>
    /// <param name="options">The options.</param>
    /// <param name="recipe">The recipe, for settings that the options do not set.</param>
    /// <param name="images">How many calibration images there are.</param>
    /// <returns>The work, with anything other than forward and backward passes counted as forward passes of the same duration; none if the stage does not know.</returns>
    StageWork WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => default;

    /// <summary>The largest size, in bytes, of the activations that the stage keeps in memory; the report contains the maximum over all stages.</summary>
    /// <param name="context">The model, its sites, the samples and the options.</param>
    long MemoryFor(QuantizationContext context) => 0;

    /// <summary>Throws if the stage cannot run on the model. Called for all stages of a recipe before the first of them runs; it does not change the model or its quantizers.</summary>
    /// <param name="context">The model, its sites, the samples and the options.</param>
    /// <exception cref="QuantizationException">The message explains the obstacle and what can be done.</exception>
    void Check(QuantizationContext context)
    {
    }

    /// <summary>Runs the stage.</summary>
    /// <param name="context">The model, its sites, the samples and the options.</param>
    /// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
    void Run(QuantizationContext context);
}
