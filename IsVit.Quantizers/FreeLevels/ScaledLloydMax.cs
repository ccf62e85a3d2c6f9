using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Native;

namespace IsVit.Quantizers.FreeLevels;

/// <summary>
/// One table of levels for many channels, and each channel's scale and offset: in turn the table with the least squared error for the channels' numbers in their own scales (<see cref="LloydMax"/>), and for each
/// channel the line through its levels that lies nearest to its numbers (least squares).
/// </summary>
internal static class ScaledLloydMax
{
    private const int Rounds = 6;

    // Numbers that the table is found for: a few for each of its levels would do, if they came from all channels.
    private const int SampleLength = 1 << 16;

    // A line as flat as this beside the channel's spread comes of numbers that all go to one level.
    private const double LeastSlope = 0.05;

    /// <summary>The levels, ascending, and each channel's scale and offset; scale 0 for a constant channel.</summary>
    public static (double[] Levels, float[] Scale, float[] Offset) Find(ChannelData data, BitWidth bits)
    {
        var channels = new Channel[data.Channels];
        TorchThreads.For(data.Channels, i => channels[i] = Channel.Of(data[i]));
        var live = Enumerable.Range(0, channels.Length).Where(i => channels[i].Spread > 0).ToArray();
        if (live.Length == 0)
        {
            var zeros = new double[bits.CodeCount];
            return (zeros, new float[channels.Length], Array.ConvertAll(channels, static channel => (float)channel.Offset));
        }

        double[] levels = [];
        var thresholds = new double[bits.CodeCount - 1];
        for (var round = 0; round < Rounds; round++)
        {
            using (var sample = Sample(data, channels, live))
            {
                levels = round == 0 ? LloydMax.Find(sample, bits) : LloydMax.Refine(levels, sample);
            }

            LloydMax.Thresholds(levels, thresholds);
            TorchThreads.For(live.Length, i => channels[live[i]] = channels[live[i]].Fitted(data[live[i]], levels, thresholds));
        }

        return (levels, Array.ConvertAll(channels, static channel => (float)channel.Scale), Array.ConvertAll(channels, static channel => (float)channel.Offset));
    }

    // Of every channel that varies the same numbers, evenly spaced, in its own scale.
    private static RankedValues Sample(ChannelData data, Channel[] channels, int[] live)
    {
        var each = Math.Clamp(SampleLength / live.Length, 1, data.Length);
        var values = new float[live.Length * each];
        for (var i = 0; i < live.Length; i++)
        {
            var numbers = data[live[i]];
            var channel = channels[live[i]];
            for (var k = 0; k < each; k++)
            {
                values[(i * each) + k] = (float)((numbers[(int)((long)k * numbers.Length / each)] - channel.Offset) / channel.Scale);
            }
        }

        return RankedValues.Of(values);
    }

    /// <param name="Mean">The mean of the channel's numbers.</param>
    /// <param name="Spread">Their standard deviation.</param>
    /// <param name="Scale">What a level is multiplied by.</param>
    /// <param name="Offset">What is added then.</param>
    private readonly record struct Channel(double Mean, double Spread, double Scale, double Offset)
    {
        public static Channel Of(ReadOnlySpan<float> numbers)
        {
            double sum = 0, squares = 0;
            float minimum = numbers[0], maximum = numbers[0];
            foreach (var number in numbers)
            {
                var centred = (double)number - numbers[0];
                sum += centred;
                squares += centred * centred;
                minimum = Math.Min(minimum, number);
                maximum = Math.Max(maximum, number);
            }

            if (minimum == maximum)
            {
                return new(minimum, 0, 0, minimum);
            }

            var mean = sum / numbers.Length;
            var spread = Math.Sqrt(Math.Max((squares / numbers.Length) - (mean * mean), double.Epsilon));

            // Less than a float32 can hold is constant.
            return (float)spread == 0 ? new(minimum, 0, 0, minimum) : new(mean + numbers[0], spread, spread, mean + numbers[0]);
        }

        public Channel Fitted(ReadOnlySpan<float> numbers, ReadOnlySpan<double> levels, ReadOnlySpan<double> thresholds)
        {
            double levelSum = 0, levelSquares = 0, products = 0;
            foreach (var number in numbers)
            {
                var normal = (number - Offset) / Scale;
                int low = 0, high = thresholds.Length;
                while (low < high)
                {
                    var middle = (low + high) >> 1;
                    (low, high) = normal < thresholds[middle] ? (low, middle) : (middle + 1, high);
                }

                var level = levels[low];
                levelSum += level;
                levelSquares += level * level;
                products += level * (number - Mean);
            }

            var levelMean = levelSum / numbers.Length;
            var variance = (levelSquares / numbers.Length) - (levelMean * levelMean);
            var slope = products / numbers.Length / variance;
            return variance > 0 && slope > LeastSlope * Spread && (float)slope > 0 ? this with { Scale = slope, Offset = Mean - (slope * levelMean) } : this;
        }
    }
}
