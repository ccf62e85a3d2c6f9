using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>How much errors in the outputs of units and layers affect the model's outputs, as measured by a stage. Owns its tensors.</summary>
public sealed class OutputImportance : IDisposable
{
    /// <summary>Creates importances, and takes ownership of the tensors.</summary>
    /// <param name="units">
    /// By a unit's path, for each of its output tensors, the weight of each element's error: the shape of one sample, without the sample axis, with mean 1 over all tensors of the unit; null for a tensor whose elements have equal weight.
    /// </param>
    /// <param name="layers">By a layer's path, the weight of the error of each output vector of a sample, mean 1: [vectors of one sample], which are the tokens of a linear layer or the positions of a convolution.</param>
    public OutputImportance(IReadOnlyDictionary<string, IReadOnlyList<Tensor?>> units, IReadOnlyDictionary<string, Tensor> layers)
    {
        ArgumentNullException.ThrowIfNull(units);
        ArgumentNullException.ThrowIfNull(layers);
        (Units, Layers) = (units, layers);
        foreach (var tensor in Tensors)
        {
            tensor.DetachFromDisposeScope();
        }
    }

    /// <summary>The same weight for all errors.</summary>
    public static OutputImportance Even { get; } = new(new Dictionary<string, IReadOnlyList<Tensor?>>(StringComparer.Ordinal), new Dictionary<string, Tensor>(StringComparer.Ordinal));

    /// <summary>By a unit's path, the importance of the elements of each of its output tensors; null for one whose elements have equal weight.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<Tensor?>> Units { get; }

    /// <summary>By a layer's path, the importance of its vectors.</summary>
    public IReadOnlyDictionary<string, Tensor> Layers { get; }

    private IEnumerable<Tensor> Tensors => Units.Values.SelectMany(static tensors => tensors).OfType<Tensor>().Concat(Layers.Values);

    /// <summary>Returns the importance of the elements of one output tensor of a unit; null if they have equal weight.</summary>
    /// <param name="path">The unit's path.</param>
    /// <param name="output">The index of the output tensor, from 0.</param>
    public Tensor? OfUnit(string path, int output = 0) => Units.TryGetValue(path, out var tensors) && output < tensors.Count ? tensors[output] : null;

    /// <summary>Returns the importance of the vectors that a layer processes; null if they have equal weight.</summary>
    /// <param name="path">The layer's path.</param>
    public Tensor? OfLayer(string path) => Layers.GetValueOrDefault(path);

    /// <summary>Disposes the tensors.</summary>
    public void Dispose()
    {
        foreach (var tensor in Tensors)
        {
            tensor.Dispose();
        }
    }
}
