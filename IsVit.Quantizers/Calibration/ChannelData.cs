using System.Numerics;
using System.Runtime.InteropServices;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Quantizers.Calibration;

/// <summary>Calibration data, checked and laid out channel after channel as float32.</summary>
internal sealed unsafe class ChannelData : IDisposable
{
    private readonly torch.Tensor _values;
    private readonly float* _first;

    private ChannelData(torch.Tensor values, int channels)
    {
        _values = values;
        _first = TensorMemory.First<float>(values);
        Channels = channels;
        var length = values.NumberOfElements / channels;
        Length = length <= Array.MaxLength
            ? (int)length
            : throw new QuantizationException(FormattableString.Invariant($"A channel of {length} numbers is too large to calibrate on; at most {Array.MaxLength} are possible. Calibrate on fewer images."));
    }

    /// <summary>The number of channels, 1 per tensor.</summary>
    public int Channels { get; }

    /// <summary>The numbers of one channel.</summary>
    public int Length { get; }

    /// <summary>The numbers of one channel.</summary>
    public ReadOnlySpan<float> this[int channel] => new(_first + ((long)channel * Length), Length);

    public static ChannelData Create(torch.Tensor data, Granularity granularity, string scheme)
    {
        if (!torch.is_floating_point(data))
        {
            throw new QuantizationException($"A '{scheme}' quantizer calibrates on floating-point numbers; the tensor holds {data.dtype}.");
        }

        if (data.NumberOfElements == 0)
        {
            throw new QuantizationException($"A '{scheme}' quantizer cannot calibrate on an empty tensor, shape [{string.Join(", ", data.shape)}].");
        }

        var axis = Axis(data, granularity);
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var floats = data.detach().to(torch.ScalarType.Float32).cpu().contiguous();
        CheckFinite(floats, data);
        var channels = axis < 0 ? 1 : checked((int)data.shape[axis]);
        var ordered = axis <= 0 ? floats : floats.transpose(0, axis).contiguous();
        return new ChannelData(ordered.DetachFromDisposeScope(), channels);
    }

    public void Dispose() => _values.Dispose();

    private static int Axis(torch.Tensor data, Granularity granularity)
    {
        if (granularity is not Granularity.PerChannel channel)
        {
            return -1;
        }

        var rank = (int)data.dim();
        return channel.Axis < rank && channel.Axis >= -rank
            ? channel.Resolve(rank)
            : throw new QuantizationException(FormattableString.Invariant($"A tensor of shape [{string.Join(", ", data.shape)}] has no axis {channel.Axis} to calibrate channels along."));
    }

    private static void CheckFinite(torch.Tensor floats, torch.Tensor original)
    {
        var first = TensorMemory.First<float>(floats);
        var count = floats.NumberOfElements;
        const int Block = 1 << 20;
        for (long start = 0; start < count; start += Block)
        {
            var values = new ReadOnlySpan<float>(first + start, (int)Math.Min(Block, count - start));
            if (AllFinite(values))
            {
                continue;
            }

            for (var i = 0; i < values.Length; i++)
            {
                if (!float.IsFinite(values[i]))
                {
                    throw NotFinite(original, start + i);
                }
            }
        }
    }

    private static bool AllFinite(ReadOnlySpan<float> values)
    {
        const int Infinity = 0x7F800000;
        var bits = MemoryMarshal.Cast<float, int>(values);
        var largest = Vector<int>.Zero;
        var mask = new Vector<int>(int.MaxValue);
        var vectors = MemoryMarshal.Cast<int, Vector<int>>(bits);
        foreach (var vector in vectors)
        {
            largest = Vector.Max(largest, vector & mask);
        }

        var finite = Vector.LessThanAll(largest, new Vector<int>(Infinity));
        foreach (var value in values[(vectors.Length * Vector<int>.Count)..])
        {
            finite &= float.IsFinite(value);
        }

        return finite;
    }

    private static QuantizationException NotFinite(torch.Tensor original, long flat)
    {
        var shape = original.shape;
        var index = new long[shape.Length];
        for (var d = shape.Length - 1; d >= 0; d--)
        {
            (flat, index[d]) = Math.DivRem(flat, shape[d]);
        }

        using var element = original.detach()[[.. index.Select(i => torch.TensorIndex.Single(i))]];
        var value = element.to(torch.ScalarType.Float64).item<double>();
        return new QuantizationException(
            $"The calibration data holds {FormattableString.Invariant($"{value}")} at [{string.Join(", ", index)}] of shape [{string.Join(", ", shape)}]; only finite float32 numbers can be calibrated on.");
    }
}
