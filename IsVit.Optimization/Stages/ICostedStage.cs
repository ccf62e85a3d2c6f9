using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;

namespace IsVit.Optimization.Stages;

/// <summary>A stage that knows beforehand about how much work it will be.</summary>
internal interface ICostedStage
{
    /// <summary>The work on a model with quantizers, whatever else a stage does counted as forwards that take as long.</summary>
    /// <param name="options">The options.</param>
    /// <param name="recipe">The recipe, for what the options leave to it.</param>
    /// <param name="images">How many calibration images there are.</param>
    StageWork WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images);

    /// <summary>The steps that the stage reports one by one.</summary>
    /// <param name="options">The options.</param>
    /// <param name="units">How many units the model has.</param>
    long StepsFor(QuantizationOptions options, int units) => 0;
}
