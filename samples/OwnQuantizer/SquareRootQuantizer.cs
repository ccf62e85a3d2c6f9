using System.Globalization;
using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace OwnQuantizer;

/// <summary>Equal steps of the square root, for numbers from 0 up: q = clamp(round(m sqrt(x / s)), 0, m), x' = s (q / m)^2, m = 2^b - 1, s the largest number.</summary>
internal sealed class SquareRootQuantizer(BitWidth bits) : IQuantizer
{
    public const string SchemeName = "square-root";

    // Keeps the slope of the root finite at zero.
    private const double SmallestRatio = 1e-300;

    private double? _scale;

    public string Scheme => SchemeName;

    public BitWidth Bits => bits;

    public Granularity Granularity => Granularity.Tensor;

    public bool IsCalibrated => _scale is not null;

    // snippet: calibrate
    public void Calibrate(Tensor data)
    {
        using var scope = NewDisposeScope();
        var shape = string.Join(", ", data.shape);
        if (!data.is_floating_point() || data.numel() == 0)
        {
            throw new QuantizationException($"A '{Scheme}' quantizer is calibrated on floating-point numbers, at least one; found {data.dtype}, [{shape}].");
        }

        var wrong = (data.isfinite() & (data >= 0)).logical_not().nonzero();
        if (wrong.shape[0] > 0)
        {
            var place = wrong[0].data<long>().ToArray();
            var value = data[[.. place.Select(index => TensorIndex.Single(index))]].to(float64).item<double>().ToString(CultureInfo.InvariantCulture);
            throw new QuantizationException($"A '{Scheme}' quantizer is for finite numbers that are not negative; found {value} at [{string.Join(", ", place)}] of shape [{shape}].");
        }

        _scale = data.max().to(float64).item<double>();
    }
    // end

    // snippet: quantize
    public Tensor Quantize(Tensor x)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return scope.MoveToOuter(Positions(x).to(uint8));
    }

    public Tensor Dequantize(Tensor codes)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Levels(codes.to(float64)).to(float32));
    }

    public Tensor FakeQuantize(Tensor x)
    {
        using var scope = NewDisposeScope();
        return scope.MoveToOuter(Levels(Positions(x)).to(float32).to(x.dtype));
    }

    // A largest number of zero has no ratios; everything is zero then.
    private Tensor Positions(Tensor x) => StraightThrough.Round((x.to(float64) / (Scale == 0 ? 1 : Scale)).clamp(SmallestRatio, 1).sqrt() * Bits.MaxCode);

    private Tensor Levels(Tensor positions) => (positions / Bits.MaxCode).square() * Scale;

    private double Scale => _scale ?? throw new QuantizationException($"This '{Scheme}' quantizer has no parameters yet: call Calibrate or ImportParameters first.");
    // end

    // snippet: parameters
    public QuantizationParameters ExportParameters() =>
        new CustomParameters(Scheme, Bits, Granularity, new Dictionary<string, IReadOnlyList<double>> { ["scale"] = [Scale] });

    public void ImportParameters(QuantizationParameters parameters)
    {
        if (parameters.Scheme != Scheme || parameters.Bits != Bits || parameters.Granularity != Granularity)
        {
            throw new QuantizationException($"The parameters are of '{parameters.Scheme}', {parameters.Bits} bits, {parameters.Granularity}; this is '{Scheme}', {Bits} bits, {Granularity}.");
        }

        _scale = parameters.Required("scale") is [>= 0 and <= float.MaxValue and var scale]
            ? scale
            : throw new QuantizationException($"'scale' of a '{Scheme}' quantizer is [{string.Join(", ", parameters.Required("scale"))}]; expected one finite number that is not negative.");
    }

    public IQuantizer Clone() => new SquareRootQuantizer(Bits) { _scale = _scale };
    // end

    // The scale is a number, so there is nothing to move or to free.
    public void MoveTo(Device device)
    {
    }

    public void Dispose() => _scale = null;
}

// snippet: factory
internal sealed class SquareRootQuantizerFactory : IQuantizerFactory
{
    public string Scheme => SquareRootQuantizer.SchemeName;

    public IQuantizer Create(QuantizerSpec spec, bool isWeight) => spec.Granularity == Granularity.Tensor && !isWeight
        ? new SquareRootQuantizer(spec.Bits)
        : throw new QuantizationException($"A '{Scheme}' quantizer is for activations, per tensor; '{spec}' was asked for{(isWeight ? " for a weight" : "")}.");
}
// end
