using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>How much errors in what units and layers give matter for the model's outputs, as a stage measured it. Owns its tensors.</summary>
public sealed class OutputImportance : IDisposable
{
    /// <summary>Takes importances over.</summary>
    /// <param name="units">
    /// By a unit's path, for each tensor that it gives, how much an error of each element counts: the shape of one sample's, without the axis of samples, with mean 1 over all tensors of the unit; null for a tensor whose elements count alike.
    /// </param>
    /// <param name="layers">By a layer's path, how much an error of what it makes of each vector of a sample counts, mean 1: [vectors of one sample], tokens of a linear layer, places of a convolution.</param>
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

    /// <summary>All errors count alike.</summary>
    public static OutputImportance Even { get; } = new(new Dictionary<string, IReadOnlyList<Tensor?>>(StringComparer.Ordinal), new Dictionary<string, Tensor>(StringComparer.Ordinal));

    /// <summary>By a unit's path, the importance of the elements of each tensor that it gives; null for one whose elements count alike.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<Tensor?>> Units { get; }

    /// <summary>By a layer's path, the importance of its vectors.</summary>
    public IReadOnlyDictionary<string, Tensor> Layers { get; }

    private IEnumerable<Tensor> Tensors => Units.Values.SelectMany(static tensors => tensors).OfType<Tensor>().Concat(Layers.Values);

    /// <summary>The importance of the elements of one tensor that a unit gives; null if they count alike.</summary>
    /// <param name="path">The unit's path.</param>
    /// <param name="output">Which of its tensors, from 0.</param>
    public Tensor? OfUnit(string path, int output = 0) => Units.TryGetValue(path, out var tensors) && output < tensors.Count ? tensors[output] : null;

    /// <summary>The importance of the vectors that a layer makes something of; null if they count alike.</summary>
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
