using System.Numerics;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Kernels;

/// <summary>Every number's level in its channel's table, by one comparison a threshold.</summary>
/// <param name="thresholds">[thresholds, channels].</param>
/// <param name="levels">[thresholds + 1, channels].</param>
/// <param name="count">The number of thresholds of a channel.</param>
/// <param name="layout">How channels lie.</param>
internal readonly unsafe struct ChannelTablePass<TElement, TNumber>(TNumber* thresholds, TNumber* levels, int count, ChannelLayout layout) : IElementwisePass<TElement>
    where TElement : unmanaged
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
{
    public void Run(TElement* x, TElement* gradient, TElement* output, long position, long length, VectorWidth width)
    {
        switch (width)
        {
            case VectorWidth.Bits512:
                Run<Lanes512<TNumber>>(x, output, position, length);
                break;
            case VectorWidth.Bits256:
                Run<Lanes256<TNumber>>(x, output, position, length);
                break;
            default:
                Run<Lanes128<TNumber>>(x, output, position, length);
                break;
        }
    }

    private void Run<TLanes>(TElement* x, TElement* output, long position, long length)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        for (long done = 0, elements; done < length; done += elements)
        {
            var (run, offset) = Math.DivRem(position + done, layout.Inner);
            var channel = (int)(run % layout.Channels);
            if (layout.Inner > 1)
            {
                elements = Math.Min(layout.Inner - offset, length - done);
                OneChannel<TLanes>(x + done, output + done, elements, channel);
            }
            else
            {
                elements = Math.Min(layout.Channels - channel, length - done);
                ChannelByChannel<TLanes>(x + done, output + done, elements, channel);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void OneChannel<TLanes>(TElement* x, TElement* output, long length, int channel)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        long i = 0;
        for (; i <= length - TLanes.Count; i += TLanes.Count)
        {
            var v = TLanes.Load(x + i);
            var level = TLanes.All(levels[channel]);
            for (long t = 0, at = channel; t < count; t++, at += layout.Channels)
            {
                level = TLanes.Select(TLanes.AtLeast(v, TLanes.All(thresholds[at])), TLanes.All(levels[at + layout.Channels]), level);
            }

            TLanes.Store(TLanes.Select(TLanes.AtLeast(v, v), level, v), output + i);
        }

        for (; i < length; i++)
        {
            Single(x + i, output + i, channel);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ChannelByChannel<TLanes>(TElement* x, TElement* output, long length, int channel)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        long i = 0;
        for (; i <= length - TLanes.Count; i += TLanes.Count)
        {
            var v = TLanes.Load(x + i);
            var level = TLanes.Load(levels + channel + i);
            for (long t = 0, at = channel + i; t < count; t++, at += layout.Channels)
            {
                level = TLanes.Select(TLanes.AtLeast(v, TLanes.Load(thresholds + at)), TLanes.Load(levels + at + layout.Channels), level);
            }

            TLanes.Store(TLanes.Select(TLanes.AtLeast(v, v), level, v), output + i);
        }

        for (; i < length; i++)
        {
            Single(x + i, output + i, channel + i);
        }
    }

    private void Single(TElement* x, TElement* output, long channel)
    {
        var v = Lane<TNumber>.Load(x);
        var level = Lane<TNumber>.Load(levels + channel);
        for (long t = 0, at = channel; t < count; t++, at += layout.Channels)
        {
            level = Lane<TNumber>.Select(Lane<TNumber>.AtLeast(v, Lane<TNumber>.Load(thresholds + at)), Lane<TNumber>.Load(levels + at + layout.Channels), level);
        }

        Lane<TNumber>.Store(Lane<TNumber>.Select(Lane<TNumber>.AtLeast(v, v), level, v), output);
    }
}
