using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using IsVit.Model.Quantization;
using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Quantizing;

/// <summary>Thresholds of each channel, ascending with the codes: one comparison a threshold where there are few, a search for each number where there are many.</summary>
internal sealed class ChannelTableCoder : ActivationCoder
{
    private const int MostCompared = 31;

    private readonly int _count;
    private readonly int _stride;

    // [thresholds, channels] to compare whole vectors with, or [channels, thresholds] to search in.
    private readonly float[] _thresholds;
    private readonly float[] _levels;

    public ChannelTableCoder(QuantizationParameters parameters)
        : base(parameters)
    {
        _count = parameters.Bits.MaxCode;
        _stride = Math.Max(ChannelCount, Block);
        _thresholds = new float[_stride * _count];
        _levels = new float[ChannelCount * parameters.Bits.CodeCount];
        for (var channel = 0; channel < ChannelCount; channel++)
        {
            parameters.Levels(channel).CopyTo(_levels, channel * parameters.Bits.CodeCount);
            var thresholds = CodeSteps.Create(parameters, channel).Thresholds;
            for (var t = 0; t < _count; t++)
            {
                _thresholds[_count <= MostCompared ? (t * _stride) + channel : (channel * _count) + t] = thresholds[t];
            }
        }
    }

    public override byte EncodeOne(float value, int channel = 0)
    {
        if (_count > MostCompared)
        {
            return (byte)Search.Position(value, _thresholds.AsSpan(channel * _count, _count));
        }

        var position = 0;
        while (position < _count && value >= _thresholds[(position * _stride) + channel])
        {
            position++;
        }

        return (byte)position;
    }

    private protected override void EncodeBlocks(ReadOnlySpan<float> row, Span<byte> codes, VectorWidth width)
    {
        if (_count <= MostCompared)
        {
            switch (width)
            {
                case VectorWidth.Bits512:
                    Compare512(row, codes);
                    break;
                default:
                    Compare128(row, codes);
                    break;
            }

            return;
        }

        for (var i = 0; i < row.Length; i++)
        {
            codes[i] = EncodeOne(row[i], i);
        }
    }

    private protected override void DecodeRow(ReadOnlySpan<byte> codes, Span<float> values)
    {
        // A single channel is a row of one element.
        for (var i = 0; i < codes.Length; i++)
        {
            values[i] = _levels[(i * (_count + 1)) + codes[i]];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Compare512(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        ref var thresholds = ref MemoryMarshal.GetArrayDataReference(_thresholds);
        var (stride, end) = ((nuint)_stride, (nuint)_thresholds.Length);
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            var v = Vector512.LoadUnsafe(ref x, (nuint)i);
            var position = Vector512<int>.Zero;
            for (var at = (nuint)i; at < end; at += stride)
            {
                position -= Vector512.GreaterThanOrEqual(v, Vector512.LoadUnsafe(ref thresholds, at)).AsInt32();
            }

            var words = Vector512.Narrow(position, position).GetLower();
            Vector256.Narrow(words, words).GetLower().AsByte().StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Compare128(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        ref var thresholds = ref MemoryMarshal.GetArrayDataReference(_thresholds);
        var (stride, end) = ((nuint)_stride, (nuint)_thresholds.Length);
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            Vector128<float> v0 = Vector128.LoadUnsafe(ref x, (nuint)i), v1 = Vector128.LoadUnsafe(ref x, (nuint)i + 4);
            Vector128<float> v2 = Vector128.LoadUnsafe(ref x, (nuint)i + 8), v3 = Vector128.LoadUnsafe(ref x, (nuint)i + 12);
            Vector128<int> p0 = Vector128<int>.Zero, p1 = p0, p2 = p0, p3 = p0;
            for (var at = (nuint)i; at < end; at += stride)
            {
                p0 -= Vector128.GreaterThanOrEqual(v0, Vector128.LoadUnsafe(ref thresholds, at)).AsInt32();
                p1 -= Vector128.GreaterThanOrEqual(v1, Vector128.LoadUnsafe(ref thresholds, at + 4)).AsInt32();
                p2 -= Vector128.GreaterThanOrEqual(v2, Vector128.LoadUnsafe(ref thresholds, at + 8)).AsInt32();
                p3 -= Vector128.GreaterThanOrEqual(v3, Vector128.LoadUnsafe(ref thresholds, at + 12)).AsInt32();
            }

            Positions.Narrow(p0, p1, p2, p3).StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }
}
