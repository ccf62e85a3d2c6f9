using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Where the numbers of an activation are while its forward stands still.</summary>
internal interface IActivationStore
{
    /// <summary>Puts a tensor's numbers away; until <see cref="Restore"/> the tensor may be empty.</summary>
    /// <param name="value">The tensor, which no other forward uses.</param>
    /// <returns>The numbers to read meanwhile: a tensor of its own, perhaps of another type, or <paramref name="value"/> itself.</returns>
    Tensor Offload(Tensor value);

    /// <summary>Gives the tensor its numbers again.</summary>
    /// <param name="value">The tensor.</param>
    /// <param name="offloaded">What <see cref="Offload"/> returned for it; disposed here if it is another one.</param>
    void Restore(Tensor value, Tensor offloaded);
}
