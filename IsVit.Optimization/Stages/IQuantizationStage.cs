using IsVit.Model.Quantization;
using IsVit.Optimization.Options;

namespace IsVit.Optimization.Stages;

/// <summary>One step of a recipe, working on an attached model.</summary>
/// <remarks><c>ModelQuantizer.Prepare</c> makes the context in which a stage can be run by itself, such as in a test.</remarks>
public interface IQuantizationStage
{
    /// <summary>The name by which options, reports and other stages call the stage.</summary>
    string Name { get; }

    /// <summary>The names of stages that this one builds on, or whose work it would spoil: in a recipe that has them they come before it. A recipe in another order is an error.</summary>
    IReadOnlyCollection<string> After => [];

    /// <summary>The types of results of earlier stages that it makes use of where there are any (<see cref="QuantizationContext.Find"/>).</summary>
    IReadOnlyCollection<Type> Reads => [];

    /// <summary>The types of results that it finds out for later stages (<see cref="QuantizationContext.Publish"/>). A recipe all of whose readers of one come before it is an error.</summary>
    IReadOnlyCollection<Type> Writes => [];

    /// <summary>Whether it prepares or measures the float model, whose function it leaves as it is, before anything is quantized. Sensitivities are measured behind such stages.</summary>
    bool IsPreparation => false;

    /// <summary>What else than the run's options its result depends on, as a text: settings of its own. A checkpoint of a run with others is refused.</summary>
    string Settings => "";

    /// <summary>The steps that the stage reports one by one (<see cref="QuantizationContext.Progress"/>).</summary>
    /// <param name="options">The options.</param>
    /// <param name="units">How many units the model has.</param>
    long StepsFor(QuantizationOptions options, int units) => 0;

    /// <summary>About how much work the stage is, to say beforehand how long a run will take (<c>ModelQuantizer.EstimateDuration</c>).</summary>
    /// <param name="options">The options.</param>
    /// <param name="recipe">The recipe, for what the options leave to it.</param>
    /// <param name="images">How many calibration images there are.</param>
    /// <returns>Whatever else it does counted as forwards that take as long; none if it does not know.</returns>
    StageWork WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => default;

    /// <summary>The most that the stage keeps in memory of activations, in bytes; the report has the largest of all stages.</summary>
    /// <param name="context">The model, its sites, the samples and the options.</param>
    long MemoryFor(QuantizationContext context) => 0;

    /// <summary>Throws if the stage cannot run on the model. Called for all stages of a recipe before the first of them runs; it leaves the model and its quantizers as they are.</summary>
    /// <param name="context">The model, its sites, the samples and the options.</param>
    /// <exception cref="QuantizationException">The message says what stands in the way and what can be done.</exception>
    void Check(QuantizationContext context)
    {
    }

    /// <summary>Runs the stage.</summary>
    /// <param name="context">The model, its sites, the samples and the options.</param>
    /// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
    void Run(QuantizationContext context);
}
