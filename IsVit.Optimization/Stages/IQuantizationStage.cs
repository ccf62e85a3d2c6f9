using IsVit.Model.Quantization;
namespace IsVit.Optimization.Stages;

/// <summary>One step of a recipe, working on an attached model.</summary>
public interface IQuantizationStage
{
    /// <summary>The name by which recipes call the stage.</summary>
    string Name { get; }

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
