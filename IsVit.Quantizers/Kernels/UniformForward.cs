using System.Numerics;
using System.Runtime.CompilerServices;

namespace IsVit.Quantizers.Kernels;

/// <summary>x' = s (clamp(round(x / s) + z, 0, max) - z) in one pass.</summary>
internal readonly unsafe struct UniformForward(float* x, float* output, float* scale, float* zeroPoint, ChannelLayout layout, float maxCode) : IElementwisePass
{
    public static double Nanoseconds => 0.2;

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
            Project(Vector.Load(x + i), vs, vz, max).Store(output + i);
        }

        for (; i < end; i++)
        {
            output[i] = Project(x[i], s, z, maxCode);
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
            Project(Vector.Load(x + i), Vector.Load(scale + c), Vector.Load(zeroPoint + c), max).Store(output + i);
        }

        for (; i < end; i++, c++)
        {
            output[i] = Project(x[i], scale[c], zeroPoint[c], maxCode);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector<float> Project(Vector<float> v, Vector<float> s, Vector<float> z, Vector<float> max) =>
        (VectorMath.Clamp(VectorMath.Round(v / s) + z, Vector<float>.Zero, max) - z) * s;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Project(float v, float s, float z, float max) => (VectorMath.Clamp(MathF.Round(v / s) + z, 0, max) - z) * s;
}
