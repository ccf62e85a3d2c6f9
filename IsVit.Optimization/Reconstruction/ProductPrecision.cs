using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Optimization.Options;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Computes the matrix products of a graph's units in another precision while it is switched on.</summary>
internal sealed class ProductPrecision : IDisposable
{
    private readonly List<NarrowProduct> _products = [];

    private static readonly SharedSwitch s_tensorFloat32 = new(static () => backends.cuda.matmul.allow_tf32, static on => backends.cuda.matmul.allow_tf32 = on);

    private readonly bool _usesTensorFloat32;

    /// <summary>Hooks into the products, after the quantizers: it is quantized numbers that are rounded. To be called before a stream halts inside a hook.</summary>
    public ProductPrecision(ModuleGraph graph, MatrixPrecision precision)
    {
        _usesTensorFloat32 = precision is MatrixPrecision.Automatic or MatrixPrecision.TensorFloat32 && cuda.is_available();
        if (precision == MatrixPrecision.BFloat16)
        {
            // Those that the caller declared have operands as well.
            var products = graph.Sites.Where(static site => site.Operand == SiteOperand.Left).Select(static site => site.Path).ToHashSet(StringComparer.Ordinal);
            _products.AddRange(graph.Modules.Where(entry => graph.Units.Any(unit => unit.Contains(entry.Key))).Select(entry => NarrowProduct.TryHook(entry.Value, products.Contains(entry.Key))).OfType<NarrowProduct>());
        }
    }

    /// <summary>Switches it on until the returned scope is disposed.</summary>
    public IDisposable Use() => new Scope(this);

    public void Dispose() => _products.ForEach(static product => product.Dispose());

    private void Switch(bool on)
    {
        foreach (var product in _products)
        {
            product.IsOn = on;
        }

        if (!_usesTensorFloat32)
        {
            return;
        }

        if (on)
        {
            s_tensorFloat32.Enter();
        }
        else
        {
            s_tensorFloat32.Leave();
        }
    }

    private sealed class Scope : IDisposable
    {
        private readonly ProductPrecision _owner;

        public Scope(ProductPrecision owner)
        {
            _owner = owner;
            owner.Switch(true);
        }

        public void Dispose() => _owner.Switch(false);
    }
}
