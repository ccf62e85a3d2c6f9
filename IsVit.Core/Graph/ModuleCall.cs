using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>One call of one module while a graph was traced.</summary>
internal sealed record ModuleCall(
    string Path,
    nn.Module Module,
    IReadOnlyList<TensorIdentity> Inputs,
    TensorIdentity Output,
    IReadOnlyList<long> InputShape,
    IReadOnlyList<long> OutputShape,
    long InputBytes,
    long OutputBytes)
{
    /// <summary>Whether the module hands its input on without copying or changing it: dropout in evaluation, identity, a reshape.</summary>
    public bool PassesThrough => Inputs.Count == 1 && Inputs[0] == Output
        && Module is TorchSharp.Modules.Dropout or TorchSharp.Modules.Dropout1d or TorchSharp.Modules.Dropout2d or TorchSharp.Modules.Dropout3d
            or TorchSharp.Modules.AlphaDropout or TorchSharp.Modules.FeatureAlphaDropout or TorchSharp.Modules.Identity
            or TorchSharp.Modules.Flatten or TorchSharp.Modules.Unflatten or IPassThrough;
}
