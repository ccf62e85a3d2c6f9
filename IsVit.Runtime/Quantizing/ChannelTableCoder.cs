using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using IsVit.Model.Quantization;
using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Quantizing;

/// <summary>Thresholds of each channel, ascending with the codes, by one comparison a threshold.</summary>
internal sealed class ChannelTableCoder : ActivationCoder
{
    private readonly int _count;

    // The blocks of a row as they are encoded, the last of which may overlap the one before; of each the first thresholds of its channels, their second ones, ...
    private readonly float[] _thresholds;
    private readonly float[] _levels;

    public ChannelTableCoder(QuantizationParameters parameters)
        : base(parameters)
    {
        _count = parameters.Bits.MaxCode;
        _levels = new float[ChannelCount * parameters.Bits.CodeCount];
        var thresholds = new float[ChannelCount][];
        for (var channel = 0; channel < ChannelCount; channel++)
        {
            parameters.Levels(channel).CopyTo(_levels, channel * parameters.Bits.CodeCount);
            thresholds[channel] = CodeSteps.Create(parameters, channel).Thresholds;
        }

        var blocks = (ChannelCount + Block - 1) / Block;
        _thresholds = new float[blocks * _count * Block];
        for (var block = 0; block < blocks; block++)
        {
            for (var lane = 0; lane < Math.Min(Block, ChannelCount); lane++)
            {
                for (var t = 0; t < _count; t++)
                {
                    _thresholds[(((block * _count) + t) * Block) + lane] = thresholds[Start(block) + lane][t];
                }
            }
        }
    }

    public override byte EncodeOne(float value, int channel = 0)
    {
        var block = channel / Block;
        var position = 0;
        while (position < _count && value >= _thresholds[(((block * _count) + position) * Block) + channel - Start(block)])
        {
            position++;
        }

        return (byte)position;
    }

    private protected override void EncodeBlocks(ReadOnlySpan<float> row, Span<byte> codes, VectorWidth width)
    {
        if (width == VectorWidth.Bits512)
        {
            Compare512(row, codes);
        }
        else
        {
            Compare128(row, codes);
        }
    }

    private protected override void DecodeRow(ReadOnlySpan<byte> codes, Span<float> values)
    {
        for (var i = 0; i < codes.Length; i++)
        {
            values[i] = _levels[(i * (_count + 1)) + codes[i]];
        }
    }

    private int Start(int block) => Math.Max(Math.Min(block * Block, ChannelCount - Block), 0);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Compare512(ReadOnlySpan<float> row, Span<byte> codes)
    {
        ref var x = ref MemoryMarshal.GetReference(row);
        ref var code = ref MemoryMarshal.GetReference(codes);
        ref var bound = ref MemoryMarshal.GetArrayDataReference(_thresholds);
        var count = _count;
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            var v = Vector512.LoadUnsafe(ref x, (nuint)i);
            var position = Vector512<int>.Zero;
            for (var t = 0; t < count; t++, bound = ref Unsafe.Add(ref bound, Block))
            {
                position -= Vector512.GreaterThanOrEqual(v, Vector512.LoadUnsafe(ref bound)).AsInt32();
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
        ref var bound = ref MemoryMarshal.GetArrayDataReference(_thresholds);
        var count = _count;
        for (int i = 0, last = row.Length - Block; ; i = Math.Min(i + Block, last))
        {
            Vector128<float> v0 = Vector128.LoadUnsafe(ref x, (nuint)i), v1 = Vector128.LoadUnsafe(ref x, (nuint)i + 4);
            Vector128<float> v2 = Vector128.LoadUnsafe(ref x, (nuint)i + 8), v3 = Vector128.LoadUnsafe(ref x, (nuint)i + 12);
            Vector128<int> p0 = Vector128<int>.Zero, p1 = p0, p2 = p0, p3 = p0;
            for (var t = 0; t < count; t++, bound = ref Unsafe.Add(ref bound, Block))
            {
                p0 -= Vector128.GreaterThanOrEqual(v0, Vector128.LoadUnsafe(ref bound)).AsInt32();
                p1 -= Vector128.GreaterThanOrEqual(v1, Vector128.LoadUnsafe(ref bound, 4)).AsInt32();
                p2 -= Vector128.GreaterThanOrEqual(v2, Vector128.LoadUnsafe(ref bound, 8)).AsInt32();
                p3 -= Vector128.GreaterThanOrEqual(v3, Vector128.LoadUnsafe(ref bound, 12)).AsInt32();
            }

            Positions.Narrow(p0, p1, p2, p3).StoreUnsafe(ref code, (nuint)i);
            if (i == last)
            {
                return;
            }
        }
    }
}
