using IsVit.Core.Graph;
using IsVit.Model;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>Where the weights of pruned layers are 0.</summary>
internal sealed class PrunedWeights : IDisposable
{
    /// <summary>From which share of zeros on a layer counts as pruned. Training gives next to no weight that is exactly 0.</summary>
    public const double LeastShare = 0.1;

    private const string Weight = "weight";

    private readonly Dictionary<string, Tensor> _zeros = new(StringComparer.Ordinal);

    private PrunedWeights()
    {
    }

    /// <summary>The paths of the pruned layers, each with its share of zeros.</summary>
    public Dictionary<string, double> Shares { get; } = new(StringComparer.Ordinal);

    /// <summary>Looks through all weights that are quantized.</summary>
    /// <param name="graph">The graph, its weights as they were given.</param>
    public static PrunedWeights Find(ModuleGraph graph)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var found = new PrunedWeights();
        foreach (var site in graph.Sites.Where(static site => site.Operand == SiteOperand.Weight))
        {
            var zeros = SiteWeights.Get(graph, site).logical_not();
            var share = zeros.to(ScalarType.Float64).mean().item<double>();
            if (share >= LeastShare)
            {
                found.Shares[site.Path] = share;
                found._zeros[site.Path] = zeros.DetachFromDisposeScope();
            }
        }

        return found;
    }

    /// <summary>A pruned layer's zeros, bool, of its weight's shape; null for another layer.</summary>
    /// <param name="layer">The layer's path.</param>
    public Tensor? ZerosOf(string layer) => _zeros.GetValueOrDefault(layer);

    /// <summary>The same by the name of a parameter; null for one that is no weight of a pruned layer.</summary>
    /// <param name="parameter">The parameter's name in the model.</param>
    public Tensor? ZerosOfParameter(string parameter) => parameter == Weight ? ZerosOf("")
        : parameter.EndsWith($".{Weight}", StringComparison.Ordinal) ? ZerosOf(parameter[..^(Weight.Length + 1)])
        : null;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var zeros in _zeros.Values)
        {
            zeros.Dispose();
        }
    }
}
