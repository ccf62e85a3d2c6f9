using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>What flows into a unit or out of it in a forward that halts.</summary>
internal sealed class OffloadedTensors
{
    private readonly PackedTensors _values;

    /// <summary>Takes the tensors of one boundary; what is put away stands for a tensor wherever it occurs.</summary>
    /// <param name="values">The tensors.</param>
    /// <param name="earlier">Those of the boundary before, which may be among them.</param>
    /// <param name="areSame">Whether two tensors are one.</param>
    public OffloadedTensors(PackedTensors values, IReadOnlyList<OffloadedActivation> earlier, Func<Tensor, Tensor, bool> areSame)
    {
        _values = values;
        var activations = new List<OffloadedActivation>();
        foreach (var value in values.Tensors)
        {
            activations.Add(earlier.Concat(activations).FirstOrDefault(known => areSame(known.Value, value)) ?? new OffloadedActivation(value));
        }

        Activations = activations;
    }

    /// <summary>The tensors, one after the other; one that occurs twice is twice the same.</summary>
    public IReadOnlyList<OffloadedActivation> Activations { get; }

    /// <summary>The numbers as they can be read, packed as they flow.</summary>
    public PackedTensors Readable => _values.With([.. Activations.Select(static activation => activation.Readable)]);
}
