using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Lets the activation quantizers of some sites learn until disposed; what they have learned by then becomes their parameters. Those that cannot learn stay as they are.</summary>
internal sealed class QuantizerLearning : IDisposable
{
    private readonly List<ILearnableQuantizer> _learning = [];
    private readonly List<(string Site, Tensor Vector)> _vectors = [];

    public QuantizerLearning(IEnumerable<SiteBinding> bindings)
    {
        try
        {
            // Sites that read one LayerNorm's output share a quantizer.
            foreach (var binding in bindings.Where(static binding => !binding.IsWeight && binding.State == SiteState.Quantized).DistinctBy(static binding => binding.Quantizer))
            {
                if (binding.Quantizer is ILearnableQuantizer learnable)
                {
                    _vectors.Add((binding.Site.Id, learnable.BeginLearning()));
                    _learning.Add(learnable);
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What is learned, by the site's identity.</summary>
    public IReadOnlyList<(string Site, Tensor Vector)> Vectors => _vectors;

    public void Dispose()
    {
        _learning.ForEach(static quantizer => quantizer.EndLearning());
        _learning.Clear();
        _vectors.Clear();
    }
}
