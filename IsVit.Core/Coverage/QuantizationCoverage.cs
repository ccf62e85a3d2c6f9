using IsVit.Core.Graph;
using IsVit.Core.Html;
using IsVit.Core.Samples;
using IsVit.Model;
using static TorchSharp.torch;

namespace IsVit.Core.Coverage;

/// <summary>Every matrix product that one forward pass of a model computes, and which of them have quantized operands.</summary>
[TypeFormatterSource(typeof(QuantizationCoverageFormatter))]
public sealed class QuantizationCoverage
{
    private QuantizationCoverage(IReadOnlyList<ProductCoverage> products, bool isComplete)
    {
        Products = products;
        IsComplete = isComplete;
        MultiplyAccumulates = products.Sum(static product => product.Product.MultiplyAccumulates);
        FloatMultiplyAccumulates = products.Where(static product => !product.IsQuantized).Sum(static product => product.Product.MultiplyAccumulates);
    }

    /// <summary>The products, in execution order.</summary>
    public IReadOnlyList<ProductCoverage> Products { get; }

    /// <summary>
    /// Whether products of functions are included, such as a <c>torch.matmul</c> inside a module's forward: with <see cref="ProductSource.Operators"/>, unless another listener was active or other threads ran other models; otherwise only
    /// those of modules are included.
    /// </summary>
    public bool IsComplete { get; }

    /// <summary>The number of multiply-accumulates for the batch.</summary>
    public long MultiplyAccumulates { get; }

    /// <summary>The number of multiply-accumulates of products with at least one float operand.</summary>
    public long FloatMultiplyAccumulates { get; }

    /// <summary><see cref="FloatMultiplyAccumulates"/> as a fraction of <see cref="MultiplyAccumulates"/>, 0 to 1.</summary>
    public double FloatShare => MultiplyAccumulates == 0 ? 0 : (double)FloatMultiplyAccumulates / MultiplyAccumulates;

    /// <summary>Lists the matrix products of a model with one input, see <see cref="Measure(GraphAttachment, SampleBatch, ProductSource)"/>.</summary>
    /// <param name="attachment">Determines what is quantized.</param>
    /// <param name="sample">A batch as the model takes it; one sample is enough.</param>
    /// <param name="source">How products are found.</param>
    public static QuantizationCoverage Measure(GraphAttachment attachment, Tensor sample, ProductSource source = ProductSource.Modules) => Measure(attachment, new SampleBatch(sample), source);

    /// <summary>Runs one batch through a model, in float, without gradients and in evaluation mode, and lists the matrix products.</summary>
    /// <param name="attachment">Determines what is quantized: an operand counts as quantized if it has a quantizer, whatever the state of its site.</param>
    /// <param name="sample">A batch as the model takes it; one sample is enough.</param>
    /// <param name="source">How products are found.</param>
    public static QuantizationCoverage Measure(GraphAttachment attachment, SampleBatch sample, ProductSource source = ProductSource.Modules)
    {
        ArgumentNullException.ThrowIfNull(attachment);
        ArgumentNullException.ThrowIfNull(sample);
        var graph = attachment.Graph;
        using var suspended = attachment.Suspend();
        using var evaluation = new EvaluationScope(graph.Model);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var operators = source == ProductSource.Operators ? OperatorProducts.TryRecord(graph, sample) : null;
        var products = operators ?? ModuleProducts.Record(graph, sample);

        // Which of several products of one call reads a module's operands cannot be told from outside.
        var single = products.GroupBy(static product => product.Call).Where(static group => group.Count() == 1).Select(static group => group.Key).ToHashSet();
        var sites = graph.Sites.ToLookup(static site => site.Path, StringComparer.Ordinal);
        ProductCoverage Cover(RecordedProduct recorded)
        {
            var product = recorded.Product;
            var operands = single.Contains(recorded.Call) ? sites[product.Path] : [];
            var left = operands.FirstOrDefault(static site => site.Operand is SiteOperand.Input or SiteOperand.Left);
            var right = operands.FirstOrDefault(static site => site.Operand is SiteOperand.Weight or SiteOperand.Right);
            return new ProductCoverage(product, left is null ? null : attachment.Find(left.Id), right is null ? null : attachment.Find(right.Id), left?.Role == SiteRole.ModelInput);
        }

        return new QuantizationCoverage([.. products.Select(Cover)], operators is not null);
    }
}
