using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace IsVit.Runtime.Products;

/// <summary>Sums and conversions of rows of small integers.</summary>
internal static class IntegerSums
{
    /// <summary>The sum of bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Of(ReadOnlySpan<byte> values)
    {
        var sum = 0;
        if (Avx2.IsSupported)
        {
            var sums = Vector256<long>.Zero;
            for (; values.Length >= Vector256<byte>.Count; values = values[Vector256<byte>.Count..])
            {
                sums += Avx2.SumAbsoluteDifferences(Vector256.Create(values), Vector256<byte>.Zero).AsInt64();
            }

            sum = (int)Vector256.Sum(sums);
        }
        else
        {
            // 16-bit sums hold 257 bytes, two in a step.
            const int StepsThatFit = 128;
            while (values.Length >= Vector128<byte>.Count)
            {
                var sums = Vector128<ushort>.Zero;
                for (var step = 0; step < StepsThatFit && values.Length >= Vector128<byte>.Count; step++)
                {
                    var (low, high) = Vector128.Widen(Vector128.Create(values));
                    sums += low + high;
                    values = values[Vector128<byte>.Count..];
                }

                var (first, second) = Vector128.Widen(sums);
                sum += (int)Vector128.Sum(first + second);
            }
        }

        foreach (var value in values)
        {
            sum += value;
        }

        return sum;
    }

    /// <summary>The sum of 16-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Of(ReadOnlySpan<short> values)
    {
        var sums = Vector512<int>.Zero;
        while (values.Length >= Vector512<short>.Count)
        {
            var (low, high) = Vector512.Widen(Vector512.Create(values));
            sums += low + high;
            values = values[Vector512<short>.Count..];
        }

        var sum = Vector512.Sum(sums);
        foreach (var value in values)
        {
            sum += value;
        }

        return sum;
    }

    /// <summary>Subtracts a number from bytes, with what does not fit lost.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Subtract(Span<byte> values, byte number)
    {
        while (values.Length >= Vector128<byte>.Count)
        {
            (Vector128.Create<byte>(values) - Vector128.Create(number)).CopyTo(values);
            values = values[Vector128<byte>.Count..];
        }

        for (var i = 0; i < values.Length; i++)
        {
            values[i] -= number;
        }
    }

    /// <summary>Bytes as 16-bit numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ReadOnlySpan<byte> values, Span<short> wide)
    {
        var unsigned = MemoryMarshal.Cast<short, ushort>(wide);
        while (values.Length >= Vector512<byte>.Count)
        {
            var (low, high) = Vector512.Widen(Vector512.Create(values));
            low.CopyTo(unsigned);
            high.CopyTo(unsigned[Vector512<ushort>.Count..]);
            values = values[Vector512<byte>.Count..];
            unsigned = unsigned[Vector512<byte>.Count..];
        }

        for (var i = 0; i < values.Length; i++)
        {
            unsigned[i] = values[i];
        }
    }
}
