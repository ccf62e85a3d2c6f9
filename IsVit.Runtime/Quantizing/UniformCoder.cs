using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using IsVit.Model.Quantization;
using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Quantizing;

/// <summary>clamp(round(x / s) + z, 0, 2^b - 1): in float32, with a division and rounding half to even, as the quantizer computes it.</summary>
/// <remarks>
/// Long rows are not divided: with y = 1 / s and p = x y, both rounded, q = p + (x - p s) y is x / s, correctly rounded, if p is at most one unit of its last place off (Markstein, "Computation of elementary functions on the IBM
/// RISC System/6000 processor", 1990). p may be off by one and a half. Where q were then another number than x / s, it would matter next to (n + 1/2) s alone, and those numbers are tried when the coder is made.
/// </remarks>
internal sealed class UniformCoder : ActivationCoder
{
    // Codes less the zero point must fit 16 bits.
    private const float LargestZeroPoint = 1 << 12;

    // How many float32 numbers on each side of (n + 1/2) s are tried; x / s rounds to n + 1/2 or to a neighbour for the nearest two.
    private const int NumbersTried = 4;

    private readonly float[] _scale;
    private readonly float[] _zeroPoint;
    private readonly float[]? _levels;
    private readonly float _maxCode;

    // 1 / s, and a number that has the largest code.
    private readonly float _reciprocal;
    private readonly float _most;
    private readonly bool _multiplies;

    public UniformCoder(AffineParameters parameters)
        : base(parameters)
    {
        _scale = Padded(parameters.Scale, 1);
        _zeroPoint = Padded(parameters.ZeroPoint, 0);
        _levels = !IsPerChannel ? parameters.Levels() : null;
        _maxCode = parameters.Bits.MaxCode;
        _reciprocal = 1 / _scale[0];
        _most = (_maxCode - _zeroPoint[0] + 1) * _scale[0];
        _multiplies = !IsPerChannel && Avx2.IsSupported && Fma.IsSupported && Math.Abs(_zeroPoint[0]) <= LargestZeroPoint && QuotientsAreSafe();
    }

    public override byte EncodeOne(float value, int channel = 0)
    {
        var code = MathF.Round(value / _scale[channel], MidpointRounding.ToEven) + _zeroPoint[channel];
        return code >= _maxCode ? (byte)_maxCode : code >= 0 ? (byte)code : (byte)0;
    }

    private protected override void EncodeBlocks(ReadOnlySpan<float> row, Span<byte> codes, VectorWidth width)
    {
        if (_multiplies && width == VectorWidth.Bits512 && Avx512BW.IsSupported && row.Length >= Vector512<byte>.Count)
        {
            Multiply512(row, codes);
        }
        else if (_multiplies && width >= VectorWidth.Bits256 && row.Length >= Vector256<byte>.Count)
        {
            Multiply256(row, codes);
        }
        else if (width == VectorWidth.Bits512 && Avx512F.IsSupported)
        {
            Encode512(row, codes);
        }
        else if (width >= VectorWidth.Bits256 && Avx2.IsSupported)
        {
            Encode256(row, codes);
        }
        else
        {
            Encode128(row, codes);
        }
    }

    private protected override void DecodeRow(ReadOnlySpan<byte> codes, Span<float> values)
    {
        if (_levels is not null)
        {
            CodeTable.Decode(codes, _levels, values);
            return;
        }

        for (var i = 0; i < codes.Length; i++)
        {
            values[i] = _scale[i] * (codes[i] - _zeroPoint[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply512(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        var (most, reciprocal, scale) = (Vector512.Create(_most), Vector512.Create(_reciprocal), Vector512.Create(_scale[0]));
        var (zeroPoint, max) = (Vector512.Create((short)_zeroPoint[0]), Vector512.Create((byte)_maxCode));

        // Packing works within lanes of 128 bits, four codes of each vector side by side.
        var order = Vector512.Create(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        for (int i = 0, last = row.Length - Vector512<byte>.Count; ; i = Math.Min(i + Vector512<byte>.Count, last))
        {
            var first = Quotients(ref Unsafe.Add(ref x, i), most, reciprocal, scale);
            var second = Quotients(ref Unsafe.Add(ref x, i + 16), most, reciprocal, scale);
            var third = Quotients(ref Unsafe.Add(ref x, i + 32), most, reciprocal, scale);
            var fourth = Quotients(ref Unsafe.Add(ref x, i + 48), most, reciprocal, scale);
            var low = Avx512BW.AddSaturate(Avx512BW.PackSignedSaturate(first, second), zeroPoint);
            var high = Avx512BW.AddSaturate(Avx512BW.PackSignedSaturate(third, fourth), zeroPoint);
            var packed = Avx512BW.Min(Avx512BW.PackUnsignedSaturate(low, high), max);
            Avx512F.PermuteVar16x32(packed.AsInt32(), order).AsByte().StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    // A NaN, and what overflows below, becomes the least integer.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Quotients(ref float number, Vector512<float> most, Vector512<float> reciprocal, Vector512<float> scale)
    {
        var x = Avx512F.Min(most, Vector512.LoadUnsafe(ref number));
        var product = x * reciprocal;
        return Avx512F.ConvertToVector512Int32(Avx512F.FusedMultiplyAdd(Avx512F.FusedMultiplyAddNegated(product, scale, x), reciprocal, product));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Multiply256(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        var (most, reciprocal, scale) = (Vector256.Create(_most), Vector256.Create(_reciprocal), Vector256.Create(_scale[0]));
        var (zeroPoint, max) = (Vector256.Create((short)_zeroPoint[0]), Vector256.Create((byte)_maxCode));

        // Packing works within lanes of 128 bits, four codes of each vector side by side.
        var order = Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7);
        for (int i = 0, last = row.Length - Vector256<byte>.Count; ; i = Math.Min(i + Vector256<byte>.Count, last))
        {
            var first = Quotients(ref Unsafe.Add(ref x, i), most, reciprocal, scale);
            var second = Quotients(ref Unsafe.Add(ref x, i + 8), most, reciprocal, scale);
            var third = Quotients(ref Unsafe.Add(ref x, i + 16), most, reciprocal, scale);
            var fourth = Quotients(ref Unsafe.Add(ref x, i + 24), most, reciprocal, scale);
            var low = Avx2.AddSaturate(Avx2.PackSignedSaturate(first, second), zeroPoint);
            var high = Avx2.AddSaturate(Avx2.PackSignedSaturate(third, fourth), zeroPoint);
            var packed = Avx2.Min(Avx2.PackUnsignedSaturate(low, high), max);
            Avx2.PermuteVar8x32(packed.AsInt32(), order).AsByte().StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    // A NaN, and what overflows below, becomes the least integer.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Quotients(ref float number, Vector256<float> most, Vector256<float> reciprocal, Vector256<float> scale)
    {
        var x = Avx.Min(most, Vector256.LoadUnsafe(ref number));
        var product = x * reciprocal;
        return Avx.ConvertToVector256Int32(Fma.MultiplyAdd(Fma.MultiplyAddNegated(product, scale, x), reciprocal, product));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Encode512(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        ref var scales = ref MemoryMarshal.GetArrayDataReference(_scale);
        ref var points = ref MemoryMarshal.GetArrayDataReference(_zeroPoint);
        var perChannel = IsPerChannel;
        Vector512<float> max = Vector512.Create(_maxCode), s = Vector512.Create(scales), z = Vector512.Create(points);
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            if (perChannel)
            {
                (s, z) = (Vector512.LoadUnsafe(ref scales, (nuint)i), Vector512.LoadUnsafe(ref points, (nuint)i));
            }

            var position = Avx512F.RoundScale(Vector512.LoadUnsafe(ref x, (nuint)i) / s, 0) + z;

            // The order of the operands makes a NaN 0.
            position = Avx512F.Min(Avx512F.Max(position, Vector512<float>.Zero), max);
            Avx512F.ConvertToVector128Byte(Avx512F.ConvertToVector512Int32WithTruncation(position)).StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Encode256(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        ref var scales = ref MemoryMarshal.GetArrayDataReference(_scale);
        ref var points = ref MemoryMarshal.GetArrayDataReference(_zeroPoint);
        var perChannel = IsPerChannel;
        var max = Vector256.Create(_maxCode);
        Vector256<float> s0 = Vector256.Create(scales), z0 = Vector256.Create(points), s1 = s0, z1 = z0;
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            if (perChannel)
            {
                (s0, z0) = (Vector256.LoadUnsafe(ref scales, (nuint)i), Vector256.LoadUnsafe(ref points, (nuint)i));
                (s1, z1) = (Vector256.LoadUnsafe(ref scales, (nuint)i + 8), Vector256.LoadUnsafe(ref points, (nuint)i + 8));
            }

            var low = Position(Vector256.LoadUnsafe(ref x, (nuint)i), s0, z0, max);
            var high = Position(Vector256.LoadUnsafe(ref x, (nuint)i + 8), s1, z1, max);
            Positions.Narrow(low, high).StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Position(Vector256<float> x, Vector256<float> s, Vector256<float> z, Vector256<float> max) =>
        Avx.ConvertToVector256Int32WithTruncation(Avx.Min(Avx.Max(Avx.RoundToNearestInteger(x / s) + z, Vector256<float>.Zero), max));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Encode128(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        ref var scales = ref MemoryMarshal.GetArrayDataReference(_scale);
        ref var points = ref MemoryMarshal.GetArrayDataReference(_zeroPoint);
        var perChannel = IsPerChannel;
        var max = Vector128.Create(_maxCode);
        Vector128<float> s = Vector128.Create(scales), z = Vector128.Create(points);
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            Vector128<int> p0 = Position(ref x, i, ref s, ref z, ref scales, ref points, perChannel, max);
            Vector128<int> p1 = Position(ref x, i + 4, ref s, ref z, ref scales, ref points, perChannel, max);
            Vector128<int> p2 = Position(ref x, i + 8, ref s, ref z, ref scales, ref points, perChannel, max);
            Vector128<int> p3 = Position(ref x, i + 12, ref s, ref z, ref scales, ref points, perChannel, max);
            Positions.Narrow(p0, p1, p2, p3).StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Position(ref float x, int i, ref Vector128<float> s, ref Vector128<float> z, ref float scales, ref float points, bool perChannel, Vector128<float> max)
    {
        if (perChannel)
        {
            (s, z) = (Vector128.LoadUnsafe(ref scales, (nuint)i), Vector128.LoadUnsafe(ref points, (nuint)i));
        }

        var position = Round(Vector128.LoadUnsafe(ref x, (nuint)i) / s) + z;

        // A comparison, which a NaN fails.
        position = Vector128.ConditionalSelect(Vector128.GreaterThan(position, Vector128<float>.Zero), position, Vector128<float>.Zero);
        return Vector128.ConvertToInt32(Vector128.ConditionalSelect(Vector128.LessThan(position, max), position, max));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Round(Vector128<float> x)
    {
        if (Sse41.IsSupported)
        {
            return Sse41.RoundToNearestInteger(x);
        }

        return AdvSimd.IsSupported
            ? AdvSimd.RoundToNearest(x)
            : Vector128.Create(MathF.Round(x.GetElement(0)), MathF.Round(x.GetElement(1)), MathF.Round(x.GetElement(2)), MathF.Round(x.GetElement(3)));
    }

    // Whether what is multiplied gives the quotients' codes, for all numbers where it might not.
    private bool QuotientsAreSafe()
    {
        if (!float.IsNormal(_reciprocal) || EncodeOne(_most) != (byte)_maxCode)
        {
            return false;
        }

        for (var code = 0; code < _maxCode; code++)
        {
            var x = (code - _zeroPoint[0] + 0.5f) * _scale[0];
            for (var step = 0; step < NumbersTried; step++)
            {
                x = MathF.BitDecrement(x);
            }

            for (var step = -NumbersTried; step <= NumbersTried; step++, x = MathF.BitIncrement(x))
            {
                var product = x * _reciprocal;
                var quotient = MathF.FusedMultiplyAdd(MathF.FusedMultiplyAdd(-product, _scale[0], x), _reciprocal, product);
                if (EncodeOne(x) != Math.Clamp(MathF.Round(quotient, MidpointRounding.ToEven) + _zeroPoint[0], 0, _maxCode))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private static float[] Padded(IReadOnlyList<float> values, float filler)
    {
        var padded = new float[Math.Max(values.Count, Block)];
        Array.Fill(padded, filler);
        for (var i = 0; i < values.Count; i++)
        {
            padded[i] = values[i];
        }

        return padded;
    }
}
