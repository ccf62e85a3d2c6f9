namespace IsVit.Optimization.Options;

/// <summary>How a change of the model's outputs is measured.</summary>
public enum OutputMetric
{
    /// <summary>
    /// The Kullback-Leibler divergence of class probabilities, with the outputs as logits, [images, classes, ...]: changes matter where classes are close. For outputs with one axis, or one class,
    /// the squared change.
    /// </summary>
    ClassProbabilities,

    /// <summary>The squared change of each output element, for models whose outputs are not logits, such as embeddings.</summary>
    Values,
}
