using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Benchmarks.Detection;

/// <summary>Proposals of five levels, and boxes with scores of 80 classes.</summary>
internal sealed class SuppressionWork : IDisposable
{
    private const int Levels = 5;
    private const int BoxesPerLevel = 1000;
    private const int Classes = 80;
    private const double ProposalThreshold = 0.7;

    private readonly torch.Tensor _boxes;
    private readonly torch.Tensor _scores;
    private readonly torch.Tensor _levels;
    private readonly torch.Tensor _classScores;

    private SuppressionWork()
    {
        using var scope = torch.NewDisposeScope();
        using var generator = new torch.Generator(1, torch.CPU);
        var count = Levels * BoxesPerLevel;

        // In crowds around 200 places, as proposals are.
        var corners = torch.rand([200, 2], generator: generator).mul(900).index_select(0, torch.randint(0, 200, [count], generator: generator, dtype: torch.ScalarType.Int64))
            .add(torch.randn([count, 2], generator: generator).mul(8)).clamp_min(0);
        var sides = torch.rand([count, 2], generator: generator).mul(60).add(80);
        _boxes = torch.cat([corners, corners.add(sides)], 1).DetachFromDisposeScope();
        _scores = torch.rand([count], generator: generator).DetachFromDisposeScope();
        _levels = torch.arange(Levels).repeat_interleave(BoxesPerLevel).DetachFromDisposeScope();
        _classScores = torch.randn([BoxesPerLevel, Classes + 1], generator: generator).mul(2).softmax(1).DetachFromDisposeScope();
    }

    /// <summary>Boxes and scores, the same at every call.</summary>
    public static SuppressionWork Create() => new();

    /// <summary>Proposals of all levels.</summary>
    public void ByLevel() => NonMaxSuppression.KeepByLabel(_boxes, _scores, _levels, ProposalThreshold, 1000).Dispose();

    /// <summary>The same, each level by its matrix of overlaps and one operation for each box that is kept.</summary>
    public void SeparateByLevel()
    {
        using var scope = torch.NewDisposeScope();
        var kept = new List<torch.Tensor>();
        for (var level = 0; level < Levels; level++)
        {
            var scores = _scores.narrow(0, level * BoxesPerLevel, BoxesPerLevel);
            var order = scores.argsort(descending: true);
            var boxes = _boxes.narrow(0, level * BoxesPerLevel, BoxesPerLevel).index_select(0, order);
            var overlapping = BoxOverlaps.IoU(boxes, boxes).gt(ProposalThreshold).triu(1);
            var removed = torch.zeros(BoxesPerLevel, torch.ScalarType.Bool);
            for (var i = 0; i < BoxesPerLevel; i++)
            {
                using var box = removed[i];
                if (!box.item<bool>())
                {
                    using var row = overlapping[i];
                    removed.logical_or_(row);
                }
            }

            kept.Add(order.masked_select(removed.logical_not()).add(level * BoxesPerLevel));
        }

        var all = torch.cat(kept);
        _ = all.index_select(0, _scores.index_select(0, all).argsort(descending: true))[..1000];
    }

    /// <summary>Detections of all classes.</summary>
    /// <param name="scoreThreshold">What a score must exceed.</param>
    public void OfClasses(double scoreThreshold)
    {
        using var scope = torch.NewDisposeScope();
        _ = NonMaxSuppression.MultiClass(_boxes[..BoxesPerLevel], _classScores, scoreThreshold, 0.5, 100);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in (torch.Tensor[])[_boxes, _scores, _levels, _classScores])
        {
            tensor.Dispose();
        }
    }
}
