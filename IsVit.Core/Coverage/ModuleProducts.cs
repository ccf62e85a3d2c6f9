using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Coverage;

/// <summary>The matrix products of modules, by the shapes that flow through them.</summary>
internal static class ModuleProducts
{
    /// <summary>Runs one batch through a model.</summary>
    public static List<RecordedProduct> Record(ModuleGraph graph, SampleBatch sample)
    {
        var products = new List<RecordedProduct>();
        var pairs = graph.Sites.Where(static site => site.Operand == SiteOperand.Left).Select(static site => site.Path).ToHashSet(StringComparer.Ordinal);
        var removals = new List<Action>();
        void Add(string path, nn.Module module, long[] left, long[] right, long steps)
        {
            lock (products)
            {
                products.Add(new RecordedProduct(new MatrixProduct(path, module.GetName(), left, right, steps), products.Count));
            }
        }

        try
        {
            foreach (var (path, module) in graph.Modules)
            {
                switch (module)
                {
                    case Linear linear:
                        removals.Add(linear.register_forward_hook((_, x, y) =>
                        {
                            Add(path, module, x.shape, [linear.weight.shape[1], linear.weight.shape[0]], y.numel() * linear.weight.shape[1]);
                            return null!;
                        }).remove);
                        break;
                    case Convolution convolution when module is nn.Module<Tensor, Tensor> one:
                        removals.Add(one.register_forward_hook((_, x, y) =>
                        {
                            var weight = convolution.get_parameter("weight")!;
                            Add(path, module, x.shape, weight.shape, (convolution.transposed ? x : y).numel() * (weight.numel() / weight.shape[0]));
                            return null!;
                        }).remove);
                        break;
                    case nn.Module<Tensor, Tensor, Tensor> two when module is IMatrixProduct || pairs.Contains(path):
                        removals.Add(two.register_forward_hook((_, left, right, y) =>
                        {
                            Add(path, module, left.shape, right.shape, y.numel() * left.shape[^1]);
                            return null!;
                        }).remove);
                        break;
                }
            }

            graph.Forward.Run(sample);
            return products;
        }
        finally
        {
            removals.ForEach(static remove => remove());
        }
    }
}
