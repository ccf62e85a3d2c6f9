using System.Numerics;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Kernels;

/// <summary>Finds the levels of a table.</summary>
/// <typeparam name="TNumber">What is computed in.</typeparam>
internal unsafe interface ILevelLookup<TNumber>
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    /// <summary>Writes the level of each number; a NaN stays one.</summary>
    /// <param name="x">The numbers.</param>
    /// <param name="levels">The levels; may be where the numbers are.</param>
    /// <param name="length">At most <see cref="TableBlock.Length"/>.</param>
    /// <param name="width">The vectors to use.</param>
    void Levels(TNumber* x, TNumber* levels, int length, VectorWidth width);
}
