using IsVit.Core.Quantization;
using IsVit.Quantizers.Calibration;

namespace IsVit.Quantizers.Uniform;

/// <summary>Finds every channel's grid, on all cores.</summary>
internal static class UniformCalibration
{
    public static UniformGrid[] Fit(ChannelData data, BitWidth bits, UniformOptions options)
    {
        var grids = new UniformGrid[data.Channels];
        var constants = new float?[data.Channels];
        Parallel.For(
            0,
            data.Channels,
            static () => new SortedValues(),
            (channel, _, values) =>
            {
                values.Load(data[channel]);
                if (values.Minimum == values.Maximum)
                {
                    constants[channel] = values.Minimum;
                }
                else
                {
                    grids[channel] = options.RangeSearch.Find(values, bits, options.Symmetric);
                }

                return values;
            },
            static _ => { });

        var reference = AverageScale(grids, constants);
        for (var channel = 0; channel < grids.Length; channel++)
        {
            if (constants[channel] is { } value)
            {
                grids[channel] = UniformGrid.Constant(value, reference, bits, options.Symmetric);
            }
        }

        return grids;
    }

    /// <summary>The mean scale of the channels that are not constant, 0 if all are.</summary>
    private static float AverageScale(UniformGrid[] grids, float?[] constants)
    {
        double sum = 0;
        var count = 0;
        for (var channel = 0; channel < grids.Length; channel++)
        {
            if (constants[channel] is null)
            {
                sum += grids[channel].Scale;
                count++;
            }
        }

        return count == 0 ? 0 : (float)(sum / count);
    }
}
