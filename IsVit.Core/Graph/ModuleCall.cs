using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>One call of one module while a graph was traced.</summary>
/// <param name="Path">The module's path.</param>
/// <param name="Module">The module.</param>
/// <param name="Inputs">What flowed in, one or more tensors.</param>
/// <param name="Outputs">What flowed out, one or more tensors.</param>
/// <param name="Sources">
/// For each input the earlier call of a LayerNorm, Softmax or GELU whose output it is, unchanged but for the order of its tokens or numbers; -1 for none. Modules that hand on what they
/// get, such as dropout in evaluation, are seen through.
/// </param>
internal sealed record ModuleCall(string Path, nn.Module Module, IReadOnlyList<SeenTensor> Inputs, IReadOnlyList<SeenTensor> Outputs, IReadOnlyList<int> Sources)
{
    /// <summary>Whether the module holds no other; what others do is seen at those inside.</summary>
    public bool IsLeaf { get; } = !Module.children().Any();

    /// <summary>The only output, or the first.</summary>
    public TensorIdentity Output => Outputs[0].Identity;

    /// <summary>Whether what flows out is what flows in: the same memory, if perhaps with other numbers by now.</summary>
    public bool HandsOn => Inputs.Count == 1 && Outputs.Count == 1 && Inputs[0].Identity == Output;
}
