using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.Uniform;

/// <summary>Finds every channel's grid, on all cores.</summary>
internal static class UniformCalibration
{
    public static UniformGrid[] Fit(ChannelData data, BitWidth bits, UniformOptions options)
    {
        var grids = new UniformGrid[data.Channels];
        var constants = new float?[data.Channels];
        void Fit(int channel, RankedValues values)
        {
            if (values.Minimum == values.Maximum)
            {
                constants[channel] = values.Minimum;
            }
            else
            {
                grids[channel] = options.RangeObserver.Find(values, bits, options.Symmetric);
            }
        }

        if (data.Channels == 1)
        {
            using var values = RankedValues.Of(data[0]);
            Fit(0, values);
        }
        else
        {
            using var sorted = new ThreadLocal<RankedValues>(static () => new RankedValues());
            TorchThreads.For(data.Channels, channel =>
            {
                sorted.Value!.Load(data[channel]);
                Fit(channel, sorted.Value);
            });
        }

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
