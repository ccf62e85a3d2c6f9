using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.Learning;

/// <summary>Levels that are being trained: where they began, and by how much each is displaced.</summary>
internal sealed class LearnedLevels : IDisposable
{
    private readonly float[] _initial;

    // Where each threshold lies between its two levels: 0 at the lower, 1 at the upper one.
    private readonly double[] _shares;

    /// <param name="table">The levels and thresholds at the beginning.</param>
    public LearnedLevels(LevelTable table)
    {
        _initial = table.Levels;
        _shares = new double[table.Thresholds.Length];
        for (var i = 0; i < _shares.Length; i++)
        {
            var gap = (double)_initial[i + 1] - _initial[i];
            _shares[i] = gap > 0 ? Math.Clamp(((double)table.Thresholds[i] - _initial[i]) / gap, 0, 1) : 0.5;
        }

        var step = ((double)_initial[^1] - _initial[0]) / _shares.Length;
        Unit = step > 0 ? step : Math.Max(Math.Abs(_initial[0]), 1) * 1e-3;
        Displacements = torch.zeros([_initial.Length], torch.ScalarType.Float32, requires_grad: true).DetachFromDisposeScope();
    }

    /// <summary>What a displacement of one is: the mean distance between neighbouring levels at the beginning.</summary>
    public double Unit { get; }

    /// <summary>How far each level is from where it began, float32, on the CPU.</summary>
    public torch.Tensor Displacements { get; }

    /// <summary>The levels and thresholds as they are now, ascending, and which displacement each level belongs to.</summary>
    public (double[] Levels, double[] Thresholds, int[] Order) Present()
    {
        var levels = new double[_initial.Length];
        var order = new int[levels.Length];
        var displacements = Displacements.data<float>();
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = (float)(_initial[i] + (Unit * displacements[i]));
            order[i] = i;
        }

        Array.Sort(levels, order);
        var thresholds = new double[_shares.Length];
        for (var i = 0; i < thresholds.Length; i++)
        {
            thresholds[i] = levels[i] + (_shares[i] * (levels[i + 1] - levels[i]));
        }

        return (levels, thresholds, order);
    }

    public void Dispose() => Displacements.Dispose();
}
