using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>The gradient where round(x / s) + z is a code, 0 elsewhere. The mask is found again from x: cheaper than storing and loading one.</summary>
internal readonly unsafe struct UniformBackward(
    float* x, float* gradient, float* output, float* scale, float* zeroPoint, ChannelLayout layout, float maxCode) : IElementwisePass
{
    public static double Nanoseconds => 0.3;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(long start, long end)
    {
        while (start < end)
        {
            if (layout.Inner > 1)
            {
                var run = start / layout.Inner;
                var channel = layout.Channels == 1 ? 0 : (int)(run % layout.Channels);
                var stop = layout.Channels == 1 ? end : Math.Min(end, (run + 1) * layout.Inner);
                OneChannel(start, stop, scale[channel], zeroPoint[channel]);
                start = stop;
            }
            else
            {
                var channel = (int)(start % layout.Channels);
                var stop = Math.Min(end, start + layout.Channels - channel);
                ChannelByChannel(start, stop, channel);
                start = stop;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void OneChannel(long start, long end, float s, float z)
    {
        var i = start;
        Vector<float> vs = new(s), vz = new(z), max = new(maxCode);
        for (; i <= end - Vector<float>.Count; i += Vector<float>.Count)
        {
            Pass(Vector.Load(x + i), Vector.Load(gradient + i), vs, vz, max).Store(output + i);
        }

        for (; i < end; i++)
        {
            output[i] = Pass(x[i], gradient[i], s, z, maxCode);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ChannelByChannel(long start, long end, int channel)
    {
        var i = start;
        var c = channel;
        var max = new Vector<float>(maxCode);
        for (; i <= end - Vector<float>.Count; i += Vector<float>.Count, c += Vector<float>.Count)
        {
            Pass(Vector.Load(x + i), Vector.Load(gradient + i), Vector.Load(scale + c), Vector.Load(zeroPoint + c), max).Store(output + i);
        }

        for (; i < end; i++, c++)
        {
            output[i] = Pass(x[i], gradient[i], scale[c], zeroPoint[c], maxCode);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Pass(Vector<float> v, Vector<float> g, Vector<float> s, Vector<float> z, Vector<float> max)
    {
        var position = VectorMath.Round(v / s) + z;
        var inside = Vector.GreaterThanOrEqual(position, Vector<float>.Zero) & Vector.LessThanOrEqual(position, max);
        return Vector.ConditionalSelect(inside, g, Vector<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Pass(float v, float g, float s, float z, float max)
    {
        var position = MathF.Round(v / s) + z;
        return position >= 0 && position <= max ? g : 0;
    }
}
