using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Runs a unit of any signature on tensors, packed as they flowed into it.</summary>
/// <param name="module">The unit's module.</param>
/// <param name="arguments">What flowed in, for what goes with the tensors.</param>
/// <param name="counted">Which of the tensors that it gives are compared: those of numbers.</param>
internal sealed class UnitForward(TypedModule module, PackedTensors arguments, IReadOnlyList<int> counted)
{
    /// <summary>Calls the unit.</summary>
    /// <param name="inputs">The tensors that flow in.</param>
    /// <returns>The outputs that are compared.</returns>
    public IReadOnlyList<Tensor> Run(IReadOnlyList<Tensor> inputs)
    {
        var outputs = module.Run(arguments.With(inputs)).Tensors;
        return [.. counted.Select(i => outputs[i])];
    }
}
