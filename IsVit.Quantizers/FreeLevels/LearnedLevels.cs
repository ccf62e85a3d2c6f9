using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Projections;
using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>Levels that are being trained: where they began, and by how much each is displaced. A level's gradient is the sum of those of the numbers that are rounded to it.</summary>
internal sealed class LearnedLevels : ILearnedParameters
{
    private readonly float[] _initial;

    // What a displacement of one is: the mean distance between neighbouring levels at the beginning.
    private readonly double _unit;

    /// <param name="levels">The levels at the beginning, ascending.</param>
    public LearnedLevels(float[] levels)
    {
        _initial = levels;
        var step = ((double)_initial[^1] - _initial[0]) / (_initial.Length - 1);
        _unit = step > 0 ? step : Math.Max(Math.Abs(_initial[0]), 1) * 1e-3;
        Vector = torch.zeros([_initial.Length], torch.ScalarType.Float32, requires_grad: true).DetachFromDisposeScope();
    }

    /// <summary>How far each level is from where it began.</summary>
    public torch.Tensor Vector { get; }

    /// <summary>The levels as they are now.</summary>
    public LevelTable Table() => Ordered().Table;

    public (IProjection Projection, VectorGradient Gradient) Present()
    {
        var (table, order) = Ordered();
        return (new TableProjection(table), (x, above, _, _) => Gradient(x, above, table, order));
    }

    public void Dispose() => Vector.Dispose();

    // The table, and the displacement that each of its levels belongs to.
    private (LevelTable Table, int[] Order) Ordered()
    {
        var levels = new double[_initial.Length];
        var order = new int[levels.Length];
        var displacements = Vector.data<float>();
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = (float)(_initial[i] + (_unit * displacements[i]));
            order[i] = i;
        }

        Array.Sort(levels, order);
        return (FreeLevelsQuantizer.ToTable(levels), order);
    }

    private torch.Tensor Gradient(torch.Tensor x, torch.Tensor above, LevelTable table, int[] order)
    {
        var sums = LevelSums.Of(x, above, table.Thresholds);
        var gradient = new float[sums.Length];
        for (var i = 0; i < sums.Length; i++)
        {
            gradient[order[i]] = (float)(sums[i] * _unit);
        }

        return torch.tensor(gradient);
    }
}
