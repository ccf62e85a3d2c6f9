using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>Levels that are being trained: where they began, and by how much each is displaced.</summary>
internal sealed class LearnedLevels : IDisposable
{
    private readonly float[] _initial;

    /// <param name="table">The levels at the beginning.</param>
    public LearnedLevels(LevelTable table)
    {
        _initial = table.Levels;
        var step = ((double)_initial[^1] - _initial[0]) / (_initial.Length - 1);
        Unit = step > 0 ? step : Math.Max(Math.Abs(_initial[0]), 1) * 1e-3;
        Displacements = torch.zeros([_initial.Length], torch.ScalarType.Float32, requires_grad: true).DetachFromDisposeScope();
    }

    /// <summary>What a displacement of one is: the mean distance between neighbouring levels at the beginning.</summary>
    public double Unit { get; }

    /// <summary>How far each level is from where it began, float32, on the CPU.</summary>
    public torch.Tensor Displacements { get; }

    /// <summary>The levels as they are now, ascending, and which displacement each level belongs to.</summary>
    public (double[] Levels, int[] Order) Present()
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
        return (levels, order);
    }

    public void Dispose() => Displacements.Dispose();
}
