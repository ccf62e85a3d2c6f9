namespace IsVit.Optimization.Stages;

/// <summary>One step of a recipe, working on an attached model.</summary>
public interface IQuantizationStage
{
    /// <summary>The name by which recipes call the stage.</summary>
    string Name { get; }

    /// <summary>Runs the stage.</summary>
    /// <param name="context">The model, its sites, the images and the options.</param>
    /// <exception cref="OperationCanceledException">The context's token was cancelled.</exception>
    void Run(QuantizationContext context);
}
