using IsVit.Model.Quantization;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;

namespace IsVit.Optimization.Stages;

/// <summary>One step of a recipe, working on an attached model.</summary>
public interface IQuantizationStage
{
    /// <summary>The name by which recipes call the stage.</summary>
    string Name { get; }

    /// <summary>The names of stages that this one builds on, or whose work it would spoil: in a recipe that has them they come before it. A recipe in another order is an error.</summary>
    IReadOnlyCollection<string> After => [];

    /// <summary>About how much work the stage is, to say beforehand how long a run will take (<see cref="ModelQuantizer.EstimateDuration"/>).</summary>
    /// <param name="options">The options.</param>
    /// <param name="recipe">The recipe, for what the options leave to it.</param>
    /// <param name="images">How many calibration images there are.</param>
    /// <returns>Whatever else it does counted as forwards that take as long; none if it does not know.</returns>
    StageWork WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => default;

    /// <summary>The steps that the stage reports one by one.</summary>
    /// <param name="options">The options.</param>
    /// <param name="units">How many units the model has.</param>
    internal long StepsFor(QuantizationOptions options, int units) => 0;

    /// <summary>Throws if the stage cannot run on the model. Called for all stages of a recipe before the first of them runs; it leaves the model and its quantizers as they are.</summary>
    /// <param name="context">The model, its sites, the images and the options.</param>
    /// <exception cref="QuantizationException">The message says what stands in the way and what can be done.</exception>
    void Check(QuantizationContext context)
    {
    }

    /// <summary>Runs the stage.</summary>
    /// <param name="context">The model, its sites, the images and the options.</param>
    /// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
    void Run(QuantizationContext context);
}
