namespace IsVit.Optimization.Options;

/// <summary>How a change of the model's outputs is measured.</summary>
public enum OutputMetric
{
    /// <summary>
    /// As the model declares for each of its outputs (<see cref="Core.Graph.ModelForward.Outputs"/>). For a model that declares nothing: the Kullback-Leibler divergence of class probabilities, with the outputs as logits,
    /// [images, classes, ...], as changes matter where classes are close; for outputs with one axis, or one class, the squared change.
    /// </summary>
    ClassProbabilities,

    /// <summary>The squared change of each output element, whatever the model declares; for models whose outputs are not logits, such as embeddings.</summary>
    Values,
}
