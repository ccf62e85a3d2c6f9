using IsVit.Model;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>The parameters of the layers that sites belong to.</summary>
internal static class SiteWeights
{
    /// <summary>Whether a module is a linear layer or a convolution whose weight can be a site.</summary>
    /// <param name="module">The module.</param>
    public static bool HasWeight(nn.Module module) => ModuleWeight.Has(module);

    /// <summary>The weight of a site's layer.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="site">A site of a linear layer or a convolution.</param>
    /// <returns>The parameter itself: [out, in] of a linear layer, [out, in / groups, height, width] of a convolution.</returns>
    /// <exception cref="ArgumentException">The site's module is neither.</exception>
    public static Parameter Get(ModuleGraph graph, Site site)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(site);
        return ModuleWeight.Get(graph.Modules[site.Path]);
    }

    /// <summary>The bias of a linear layer, a convolution or a LayerNorm, or null.</summary>
    /// <param name="module">The layer.</param>
    public static Parameter? GetBias(nn.Module module) => ModuleWeight.Bias(module);

    /// <summary>Gives a linear layer, a convolution or a LayerNorm a bias, or takes it away.</summary>
    /// <param name="module">The layer.</param>
    /// <param name="bias">The bias, [out], or null. The one before is disposed.</param>
    /// <exception cref="ArgumentException">The module is none of them.</exception>
    public static void SetBias(nn.Module module, Parameter? bias) => ModuleWeight.SetBias(module, bias);
}
