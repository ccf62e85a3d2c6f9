using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Reports.Measuring;

/// <summary>A plane of two random directions through the weights of a unit's layers (Li et al., "Visualizing the Loss Landscape of Neural Nets", arXiv 1712.09913). Disposing it puts the weights back.</summary>
internal sealed class WeightPlane : IDisposable
{
    private const ulong Seed = 20231126;
    private readonly List<(Parameter Weight, Tensor Origin, Tensor First, Tensor Second)> _layers = [];

    /// <param name="graph">The model.</param>
    /// <param name="unit">The unit; the directions depend on the shapes of its weights and on how large these are, on nothing else.</param>
    public WeightPlane(ModuleGraph graph, Unit unit)
    {
        using var noGrad = no_grad();
        using var random = new Generator(Seed);
        var seen = new HashSet<Tensor>(ReferenceEqualityComparer.Instance);
        foreach (var (path, module) in graph.Modules)
        {
            if (unit.Contains(path) && SiteWeights.HasWeight(module) && ModuleWeight.Get(module) is var weight && seen.Add(weight))
            {
                using var scope = NewDisposeScope();
                _layers.Add((weight, weight.detach().clone().DetachFromDisposeScope(), Direction(weight, random).DetachFromDisposeScope(), Direction(weight, random).DetachFromDisposeScope()));
            }
        }
    }

    /// <summary>Moves the weights.</summary>
    /// <param name="first">How far along the first direction.</param>
    /// <param name="second">How far along the second one.</param>
    public void MoveTo(double first, double second)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        foreach (var layer in _layers)
        {
            layer.Weight.copy_(first == 0 && second == 0 ? layer.Origin : layer.Origin.Plus(layer.First.Times(first)).Plus(layer.Second.Times(second)));
        }
    }

    public void Dispose()
    {
        MoveTo(0, 0);
        foreach (var (_, origin, first, second) in _layers)
        {
            origin.Dispose();
            first.Dispose();
            second.Dispose();
        }

        _layers.Clear();
    }

    // The generator is its own, and a filter is what one output channel reads with.
    private static Tensor Direction(Parameter weight, Generator random)
    {
        var noise = randn(weight.shape, dtype: float32, generator: random).flatten(1);
        var filters = weight.detach().to(float32).cpu().flatten(1);
        var sizes = filters.norm(1, keepdim: true) / noise.norm(1, keepdim: true).AtLeast(1e-30);
        return noise.mul(sizes).reshape(weight.shape).to(weight.dtype).to(weight.device);
    }
}
