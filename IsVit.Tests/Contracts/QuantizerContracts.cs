using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Log2;
using IsVit.Quantizers.LogSqrt2;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.TwinUniform;
using IsVit.Quantizers.Uniform;
using TorchSharp;

namespace IsVit.Tests.Contracts;

public abstract class UniformContract : QuantizerContract
{
    protected virtual UniformOptions Options => UniformOptions.Activations;

    protected override IQuantizer Create(int bits) => new UniformQuantizer(bits, Granularity, Options);

    protected override torch.Tensor Compose(torch.Tensor x, QuantizationParameters parameters, Func<torch.Tensor, torch.Tensor> round)
    {
        var shape = Granularity is Granularity.PerChannel { Axis: 0 } ? new long[] { -1, 1 } : [1, -1];
        var scale = torch.tensor([.. parameters.Required("scale")]).view(shape);
        var zeroPoint = torch.tensor([.. parameters.Required("zero_point")]).view(shape);
        return ((round(x / scale) + zeroPoint).clamp(0, parameters.Bits.MaxCode) - zeroPoint) * scale;
    }
}

public sealed class UniformTensorContract : UniformContract;

public sealed class UniformLastAxisContract : UniformContract
{
    protected override Granularity Granularity => Granularity.Channel(-1);
}

public sealed class UniformFirstAxisContract : UniformContract
{
    protected override Granularity Granularity => Granularity.Channel(0);

    protected override UniformOptions Options => UniformOptions.Weights;
}

public sealed class UniformMinMaxContract : UniformContract
{
    protected override UniformOptions Options => new() { RangeObserver = RangeObserver.MinMax };
}

public sealed class UniformFineContract : UniformContract
{
    protected override Granularity Granularity => Granularity.Channel(-1);

    protected override UniformOptions Options => new() { RangeObserver = RangeObserver.Mse };
}

public sealed class UniformSymmetricContract : UniformContract
{
    protected override UniformOptions Options => new() { Symmetric = true, RangeObserver = RangeObserver.MinMax };
}

public sealed class UniformSymmetricFineContract : UniformContract
{
    protected override Granularity Granularity => Granularity.Channel(0);

    protected override UniformOptions Options => new() { Symmetric = true, RangeObserver = RangeObserver.Mse };
}

public abstract class ShiftUniformLog2Contract : QuantizerContract
{
    protected abstract SulqLevels Levels { get; }

    protected override bool NonNegative => true;

    protected override IQuantizer Create(int bits) => new ShiftUniformLog2Quantizer(bits, Granularity, new() { Levels = Levels });

    protected override double Coordinate(double x, QuantizationParameters parameters) => Math.Log2(x + parameters.Required("eta")[0]);

    protected override torch.Tensor Compose(torch.Tensor x, QuantizationParameters parameters, Func<torch.Tensor, torch.Tensor> round)
    {
        var eta = parameters.Required("eta")[0];
        var smallest = -parameters.Required("log2_max")[0];
        var step = (-parameters.Required("log2_min")[0] - smallest) / parameters.Bits.MaxCode;
        if (step == 0)
        {
            return x.clamp((Math.Pow(2, -smallest) - eta) * (1 - 1e-9), (Math.Pow(2, -smallest) - eta) * (1 + 1e-9));
        }

        var codes = round((-(x + eta).log2() - smallest) / step).clamp(0, parameters.Bits.MaxCode);
        var exponents = (codes * step) + smallest;
        return torch.pow(2.0, -(Levels == SulqLevels.PowerOfTwo ? round(exponents) : exponents)) - eta;
    }
}

public sealed class ShiftUniformLog2FreeContract : ShiftUniformLog2Contract
{
    protected override SulqLevels Levels => SulqLevels.Free;
}

public sealed class ShiftUniformLog2PowerOfTwoContract : ShiftUniformLog2Contract
{
    protected override SulqLevels Levels => SulqLevels.PowerOfTwo;

    protected override double AllowedDistance(double lower, double upper, QuantizationParameters parameters) =>
        ((parameters.Required("log2_max")[0] - parameters.Required("log2_min")[0]) / parameters.Bits.MaxCode / 2) + 0.5;
}

public abstract class LogContract : QuantizerContract
{
    protected abstract int StepsPerOctave { get; }

    protected override bool NonNegative => true;

    protected override double Coordinate(double x, QuantizationParameters parameters) => x == 0 ? -1100 : Math.Log2(x);

    protected override double AllowedDistance(double lower, double upper, QuantizationParameters parameters) => 0.5 / StepsPerOctave;

    protected override torch.Tensor Compose(torch.Tensor x, QuantizationParameters parameters, Func<torch.Tensor, torch.Tensor> round)
    {
        var scale = parameters.Required("scale")[0];
        var codes = round((x / scale).log2() * -StepsPerOctave).clamp(0, parameters.Bits.MaxCode);
        return scale * torch.pow(2.0, codes / -StepsPerOctave);
    }
}

public sealed class Log2Contract : LogContract
{
    protected override int StepsPerOctave => 1;

    protected override IQuantizer Create(int bits) => new Log2Quantizer(bits, Granularity);
}

public sealed class Log2FineContract : LogContract
{
    protected override int StepsPerOctave => 1;

    protected override IQuantizer Create(int bits) => new Log2Quantizer(bits, Granularity, new Log2Options { SearchScale = true });
}

public sealed class LogSqrt2Contract : LogContract
{
    protected override int StepsPerOctave => 2;

    protected override IQuantizer Create(int bits) => new LogSqrt2Quantizer(bits, Granularity);
}

public abstract class TwinUniformContract : QuantizerContract
{
    protected override IQuantizer Create(int bits) => new TwinUniformQuantizer(bits, Granularity);

    /// <summary>Gradient only: between the ends, all levels are met by one range or the other, so that nothing is clamped there.</summary>
    protected override torch.Tensor Compose(torch.Tensor x, QuantizationParameters parameters, Func<torch.Tensor, torch.Tensor> round)
    {
        var last = (parameters.Bits.CodeCount / 2) - 1;
        double first = parameters.Required("first_scale")[0], second = parameters.Required("second_scale")[0];
        var large = round(x / second).clamp(0, last) * second;
        return NonNegative ? large : torch.where(x.lt(0), round(x / first).clamp(-last, 0) * first, large);
    }
}

public sealed class TwinUniformSignContract : TwinUniformContract;

public sealed class TwinUniformMagnitudeContract : TwinUniformContract
{
    protected override bool NonNegative => true;
}

public sealed class FreeLevelsContract : QuantizerContract
{
    protected override IQuantizer Create(int bits) => new FreeLevelsQuantizer(bits, Granularity);

    /// <summary>Nearest levels, and the gradient of a clamp whose ends lie as far beyond the outermost levels as the thresholds next to them lie within.</summary>
    protected override torch.Tensor Compose(torch.Tensor x, QuantizationParameters parameters, Func<torch.Tensor, torch.Tensor> round)
    {
        var levels = torch.tensor(parameters.Required("levels").ToArray());
        var values = levels.data<double>().ToArray();
        var clamped = x.clamp(values[0] - ((values[1] - values[0]) / 2), values[^1] + ((values[^1] - values[^2]) / 2));
        var nearest = (x.detach().to(torch.float64).unsqueeze(-1) - levels).abs().argmin(-1);
        return clamped + (levels.index_select(0, nearest.reshape(-1)).view(x.shape).to(x.dtype) - clamped).detach();
    }
}

public abstract class ScaledLevelsContract : LevelsOfChannelsContract
{
    protected override IQuantizer Create(int bits) => new ScaledLevelsQuantizer(bits, Granularity);

    protected override torch.Tensor Levels(Func<string, torch.Tensor> channels, IReadOnlyList<double> levels) => channels("scale") * torch.tensor(levels.ToArray()) + channels("offset");
}

public abstract class ChannelLevelsContract : LevelsOfChannelsContract
{
    protected override IQuantizer Create(int bits) => new ChannelLevelsQuantizer(bits, Granularity);

    protected override torch.Tensor Levels(Func<string, torch.Tensor> channels, IReadOnlyList<double> levels)
    {
        var zero = channels("zero_point");
        return channels("scale") * (torch.tensor(levels.ToArray()).view(zero.shape[0], zero.shape[1], -1) - zero);
    }
}

public abstract class LevelsOfChannelsContract : QuantizerContract
{
    /// <summary>The levels, [rows, columns, levels], with length 1 along the axis that has no channels.</summary>
    /// <param name="channels">A vector of the parameters, [channels, 1, 1] or [1, channels, 1].</param>
    /// <param name="levels">The parameter of this name.</param>
    protected abstract torch.Tensor Levels(Func<string, torch.Tensor> channels, IReadOnlyList<double> levels);

    /// <summary>What free levels do, with the levels of each channel.</summary>
    protected override torch.Tensor Compose(torch.Tensor x, QuantizationParameters parameters, Func<torch.Tensor, torch.Tensor> round)
    {
        var shape = Granularity is Granularity.PerChannel { Axis: 0 } ? new long[] { -1, 1, 1 } : [1, -1, 1];
        var levels = Levels(name => torch.tensor(parameters.Required(name).ToArray()).view(shape), parameters.Required("levels")).to(torch.float32).to(torch.float64).expand(x.shape[0], x.shape[1], -1);
        torch.Tensor Level(int i) => levels.select(2, i < 0 ? levels.shape[2] + i : i);
        var (lowest, highest) = (Level(0) - ((Level(1) - Level(0)) / 2), Level(-1) + ((Level(-1) - Level(-2)) / 2));
        var clamped = torch.where(x.lt(lowest), lowest, torch.where(x.gt(highest), highest, x));
        var nearest = (x.detach().unsqueeze(-1) - levels).abs().argmin(-1, keepdim: true);
        return clamped + (levels.gather(2, nearest).squeeze(-1) - clamped).detach();
    }
}

public sealed class ScaledLevelsLastAxisContract : ScaledLevelsContract
{
    protected override Granularity Granularity => Granularity.Channel(-1);
}

public sealed class ScaledLevelsFirstAxisContract : ScaledLevelsContract
{
    protected override Granularity Granularity => Granularity.Channel(0);
}

public sealed class ChannelLevelsLastAxisContract : ChannelLevelsContract
{
    protected override Granularity Granularity => Granularity.Channel(-1);
}

public sealed class ChannelLevelsFirstAxisContract : ChannelLevelsContract
{
    protected override Granularity Granularity => Granularity.Channel(0);
}
