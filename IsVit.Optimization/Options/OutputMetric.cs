namespace IsVit.Optimization.Options;

/// <summary>By what a change of the model's outputs is measured.</summary>
public enum OutputMetric
{
    /// <summary>
    /// The divergence (Kullback-Leibler) of class probabilities, outputs being logits, [images, classes, ...]: changes count where classes contend. Of outputs with one axis, or one class,
    /// the squared change.
    /// </summary>
    ClassProbabilities,

    /// <summary>The squared change of each output, for models that give no logits but embeddings, say.</summary>
    Values,
}
