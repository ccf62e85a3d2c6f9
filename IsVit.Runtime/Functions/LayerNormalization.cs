using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace IsVit.Runtime.Functions;

/// <summary>(x - mean) / sqrt(variance + eps) weight + bias over a row, with the biased variance.</summary>
/// <remarks>
/// The error is at most 1e-6 (|result without bias| + |bias|) + 3e-7 |weight|, whatever the mean, the last term from the rounding of sums: the first pass finds the mean up to float32's rounding, the second subtracts that, which is exact
/// where the mean is large, and the third finds what is left of the mean with the variance.
/// </remarks>
internal static class LayerNormalization
{
    /// <summary>Normalizes a row.</summary>
    /// <param name="row">The numbers.</param>
    /// <param name="weight">A factor for each.</param>
    /// <param name="bias">A summand for each.</param>
    /// <param name="eps">What is added to the variance.</param>
    /// <param name="output">Receives the results; it may be the row itself.</param>
    public static void Apply(ReadOnlySpan<float> row, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float eps, Span<float> output) =>
        Apply(row, weight, bias, eps, output, VectorWidths.Widest);

    /// <summary>Normalizes a row, by vectors of one width.</summary>
    /// <param name="row">The numbers.</param>
    /// <param name="weight">A factor for each.</param>
    /// <param name="bias">A summand for each.</param>
    /// <param name="eps">What is added to the variance.</param>
    /// <param name="output">Receives the results; it may be the row itself.</param>
    /// <param name="width">The width.</param>
    public static void Apply(ReadOnlySpan<float> row, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float eps, Span<float> output, VectorWidth width)
    {
        if (weight.Length != row.Length || bias.Length != row.Length || output.Length != row.Length)
        {
            throw new ArgumentException(FormattableString.Invariant($"A row of {row.Length} numbers has {weight.Length} weights, {bias.Length} biases and room for {output.Length} results; expected as many each."), nameof(row));
        }

        switch (width)
        {
            case VectorWidth.Bits512:
                Run<Lanes512>(row, weight, bias, eps, output);
                break;
            case VectorWidth.Bits256:
                Run<Lanes256>(row, weight, bias, eps, output);
                break;
            default:
                Run<Lanes128>(row, weight, bias, eps, output);
                break;
        }
    }

    private static void Run<TLanes>(ReadOnlySpan<float> row, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float eps, Span<float> output)
        where TLanes : struct, ILanes<TLanes>
    {
        Subtract<TLanes>(row, (float)(Reductions.Sum<TLanes>(row) / row.Length), output);
        var rest = Reductions.Sum<TLanes>(output) / row.Length;
        var variance = Math.Max((Reductions.SumOfSquares<TLanes>(output) / row.Length) - (rest * rest), 0);
        Finish<TLanes>(output, (float)rest, (float)(1 / Math.Sqrt(variance + eps)), weight, bias);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Subtract<TLanes>(ReadOnlySpan<float> row, float mean, Span<float> output)
        where TLanes : struct, ILanes<TLanes>
    {
        ref var from = ref MemoryMarshal.GetReference(row);
        ref var to = ref MemoryMarshal.GetReference(output);
        var i = 0;
        for (; i <= row.Length - TLanes.Count; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Load(ref Unsafe.Add(ref from, i)) - TLanes.All(mean), ref Unsafe.Add(ref to, i));
        }

        for (; i < row.Length; i++)
        {
            output[i] = row[i] - mean;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Finish<TLanes>(Span<float> output, float rest, float factor, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias)
        where TLanes : struct, ILanes<TLanes>
    {
        ref var first = ref MemoryMarshal.GetReference(output);
        ref var w = ref MemoryMarshal.GetReference(weight);
        ref var b = ref MemoryMarshal.GetReference(bias);
        var i = 0;
        for (; i <= output.Length - TLanes.Count; i += TLanes.Count)
        {
            ref var at = ref Unsafe.Add(ref first, i);
            var normalized = (TLanes.Load(ref at) - TLanes.All(rest)) * TLanes.All(factor);
            TLanes.Store(TLanes.MultiplyAdd(normalized, TLanes.Load(ref Unsafe.Add(ref w, i)), TLanes.Load(ref Unsafe.Add(ref b, i))), ref at);
        }

        for (; i < output.Length; i++)
        {
            output[i] = MathF.FusedMultiplyAdd((output[i] - rest) * factor, weight[i], bias[i]);
        }
    }
}
