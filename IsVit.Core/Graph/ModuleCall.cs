using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>One call of one module while a graph was traced.</summary>
/// <param name="Path">The module's path.</param>
/// <param name="Module">The module.</param>
/// <param name="Inputs">What flowed in.</param>
/// <param name="Sources">
/// For each input the earlier call of a LayerNorm, Softmax or GELU whose output it is, unchanged but for the order of its tokens or numbers; -1 for none. Modules that hand on what they
/// get, such as dropout in evaluation, are seen through.
/// </param>
/// <param name="Output">What flowed out.</param>
/// <param name="InputShape">The first input's shape.</param>
/// <param name="OutputShape">The output's shape.</param>
/// <param name="Bytes">What the first input and the output take together.</param>
internal sealed record ModuleCall(
    string Path,
    nn.Module Module,
    IReadOnlyList<TensorIdentity> Inputs,
    IReadOnlyList<int> Sources,
    TensorIdentity Output,
    IReadOnlyList<long> InputShape,
    IReadOnlyList<long> OutputShape,
    long Bytes)
{
    /// <summary>Whether the module holds no other; what others do is seen at those inside.</summary>
    public bool IsLeaf { get; } = !Module.children().Any();

    /// <summary>Whether what flows out is what flows in: the same memory, if perhaps with other numbers by now.</summary>
    public bool HandsOn => Inputs.Count == 1 && Inputs[0] == Output;
}
