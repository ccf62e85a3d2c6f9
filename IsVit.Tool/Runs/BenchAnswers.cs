using IsVit.Core.Imaging;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Reporting;
using Spectre.Console;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>What each of the models that <c>isvit bench</c> measures answers, compared with the quantized model in this library.</summary>
internal static class BenchAnswers
{
    private const int BatchSize = 32;
    private const double Noise = 1e-6;

    /// <summary>Asks all of them.</summary>
    /// <param name="candidates">The models, with the one in this library among them.</param>
    /// <param name="images">The images.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    public static ToolTable Table(IReadOnlyList<BenchCandidate> candidates, IImageSource images, CancellationToken cancellationToken)
    {
        var simulated = candidates.Single(static candidate => candidate.IsSimulated);
        var reference = Logits.Collect(simulated.Module, images, BatchSize, cancellationToken);
        var table = new ToolTable("answers", "top-1 %", "agreement %", "logits error");
        foreach (var candidate in candidates)
        {
            Add(candidate.Name, candidate.IsSimulated ? reference : Logits.Collect(candidate.Module, images, BatchSize, cancellationToken));
        }

        using var moved = new Moved(simulated.Module);
        Add("the same, rounding moved", Logits.Collect(moved, images, BatchSize, cancellationToken));
        return table;

        void Add(string name, Logits logits) => table.AddRow(
            name,
            ReportTable.Figure(logits.Labels is null ? null : Accuracy.Top(logits, 1), "F2"),
            ReportTable.Figure(Accuracy.Agreement(logits, reference), "F2"),
            ReportTable.Figure(Accuracy.MeanSquaredError(logits, reference), "G3"));
    }

    // A model whose images differ by less than what float32 tells apart in most sums: all that comes of it is codes that fall on the other side of a border.
    private sealed class Moved(torch.nn.Module<torch.Tensor, torch.Tensor> model) : torch.nn.Module<torch.Tensor, torch.Tensor>(nameof(Moved))
    {
        private readonly torch.Generator _random = new(0);

        public override torch.Tensor forward(torch.Tensor input)
        {
            using var scope = torch.NewDisposeScope();
            var factor = torch.randn(input.shape, generator: _random).mul_(Noise).add_(1);
            return scope.MoveToOuter(model.call(input.mul(factor)));
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                _random.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
