using System.Numerics;
using System.Runtime.CompilerServices;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Kernels;

/// <summary>A uniform quantizer's step over a tensor, each channel with its scale and zero point.</summary>
internal readonly unsafe struct UniformPass<TElement, TNumber, TStep>(TNumber* scale, TNumber* zeroPoint, ChannelLayout layout, TNumber maxCode) : IElementwisePass<TElement>
    where TElement : unmanaged
    where TNumber : unmanaged, IBinaryFloatingPointIeee754<TNumber>
    where TStep : struct, IUniformStep
{
    public void Run(TElement* x, TElement* gradient, TElement* output, long position, long length, VectorWidth width)
    {
        switch (width)
        {
            case VectorWidth.Bits512:
                Run<Lanes512<TNumber>>(x, gradient, output, position, length);
                break;
            case VectorWidth.Bits256:
                Run<Lanes256<TNumber>>(x, gradient, output, position, length);
                break;
            default:
                Run<Lanes128<TNumber>>(x, gradient, output, position, length);
                break;
        }
    }

    private void Run<TLanes>(TElement* x, TElement* gradient, TElement* output, long position, long length)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        if (layout.Channels == 1)
        {
            OneChannel<TLanes>(x, gradient, output, length, scale[0], zeroPoint[0]);
            return;
        }

        for (long done = 0, count; done < length; done += count)
        {
            var (run, offset) = Math.DivRem(position + done, layout.Inner);
            var channel = (int)(run % layout.Channels);
            var incoming = TStep.ReadsGradient ? gradient + done : null;
            if (layout.Inner > 1)
            {
                count = Math.Min(layout.Inner - offset, length - done);
                OneChannel<TLanes>(x + done, incoming, output + done, count, scale[channel], zeroPoint[channel]);
            }
            else
            {
                count = Math.Min(layout.Channels - channel, length - done);
                ChannelByChannel<TLanes>(x + done, incoming, output + done, count, channel);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void OneChannel<TLanes>(TElement* x, TElement* gradient, TElement* output, long length, TNumber s, TNumber z)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        TLanes vs = TLanes.All(s), vz = TLanes.All(z), max = TLanes.All(maxCode);
        long i = 0;
        for (; i <= length - TLanes.Count; i += TLanes.Count)
        {
            Step<TLanes>(x, gradient, output, i, vs, vz, max);
        }

        for (; i < length; i++)
        {
            Step<Lane<TNumber>>(x, gradient, output, i, new(s), new(z), new(maxCode));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ChannelByChannel<TLanes>(TElement* x, TElement* gradient, TElement* output, long length, int channel)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        TNumber* s = scale + channel, z = zeroPoint + channel;
        var max = TLanes.All(maxCode);
        long i = 0;
        for (; i <= length - TLanes.Count; i += TLanes.Count)
        {
            Step(x, gradient, output, i, TLanes.Load(s + i), TLanes.Load(z + i), max);
        }

        for (; i < length; i++)
        {
            Step<Lane<TNumber>>(x, gradient, output, i, new(s[i]), new(z[i]), new(maxCode));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TLanes>(TElement* x, TElement* gradient, TElement* output, long i, TLanes s, TLanes z, TLanes max)
        where TLanes : struct, ILanes<TLanes, TNumber>
    {
        var incoming = TStep.ReadsGradient ? TLanes.Load(gradient + i) : default;
        TLanes.Store(TStep.Apply<TLanes, TNumber>(TLanes.Load(x + i), incoming, s, z, max), output + i);
    }
}
