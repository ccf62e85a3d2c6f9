using IsVit.Core.Arithmetic;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>A learned factor for each channel of a residual branch (Touvron et al., arXiv 2103.17239).</summary>
public sealed class LayerScale : torch.nn.Module<torch.Tensor, torch.Tensor>
{
    // Not readonly: moving to another device or type replaces it.
    private Parameter gamma;

    /// <summary>Creates the module.</summary>
    /// <param name="dim">The number of channels.</param>
    /// <param name="initialValue">The initial value of every factor.</param>
    public LayerScale(int dim, double initialValue)
        : base(nameof(LayerScale))
    {
        gamma = LongLived.Parameter(torch.zeros(dim, torch.get_default_dtype()).PlusInPlace(initialValue));
        RegisterComponents();
    }

    /// <summary>The factors, [channels].</summary>
    public Parameter Gamma => gamma;

    /// <summary>Scales every channel.</summary>
    /// <param name="input">[..., channels].</param>
    /// <returns>Shape of <paramref name="input"/>.</returns>
    public override torch.Tensor forward(torch.Tensor input) => input * gamma;
}
