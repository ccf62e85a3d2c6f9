namespace IsVit.Core.Graph;

/// <summary>What the numbers of an output are, by which a change of them is measured.</summary>
public enum OutputKind
{
    /// <summary>Logits of classes that exclude each other: the Kullback-Leibler divergence of their softmax along one axis.</summary>
    Classes,

    /// <summary>Logits of events that are independent of each other, such as one for each class or each pixel: the Kullback-Leibler divergence of the sigmoid of each.</summary>
    Events,

    /// <summary>Numbers such as coordinates or features: the squared change of each, divided by the variance of the output.</summary>
    Values,
}
