using System.Globalization;
using IsVit.Core.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Kernels;
using TorchSharp;

namespace IsVit.Quantizers.Uniform;

/// <summary>Equal steps: q = clamp(round(x / s) + z, 0, 2^b - 1), x' = s (q - z) (I&amp;S-ViT, arXiv 2311.10126, eq. 7 to 9), per tensor or per channel.</summary>
/// <remarks>
/// s and the integer-valued z are float32. The zero point is not forced into the codes: a range that does not hold zero keeps all its codes. A constant tensor or
/// channel is reproduced exactly; range ends beyond half of float32's range are cut there, and a step is never below 2^-21 of the range's
/// larger end, below which float32 could not tell codes apart.
/// </remarks>
public sealed class UniformQuantizer : Quantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = "uniform";

    private const string ScaleName = "scale";
    private const string ZeroPointName = "zero_point";
    private const string SymmetricName = "symmetric";

    private readonly DeviceCopies _scales = new();
    private readonly DeviceCopies _zeroPoints = new();
    private float[]? _scale;
    private float[]? _zeroPoint;
    private bool _symmetric;

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per tensor or per channel.</param>
    /// <param name="options">How scale and zero point are chosen; left out: as the released code does for activations.</param>
    public UniformQuantizer(BitWidth bits, Granularity granularity, UniformOptions? options = null)
        : base(bits, granularity ?? throw new ArgumentNullException(nameof(granularity)))
    {
        Options = options ?? UniformOptions.Activations;
        _symmetric = Options.Symmetric;
    }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <summary>How scale and zero point are chosen.</summary>
    public UniformOptions Options { get; }

    /// <inheritdoc/>
    public override bool IsCalibrated => _scale is not null;

    private protected override int ChannelCount => _scale!.Length;

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters() => new(
        Scheme,
        Bits,
        Granularity,
        new Dictionary<string, IReadOnlyList<double>>
        {
            [ScaleName] = Array.ConvertAll(_scale ?? throw NotCalibrated(), s => (double)s),
            [ZeroPointName] = Array.ConvertAll(_zeroPoint!, z => (double)z),
        },
        new Dictionary<string, string> { [SymmetricName] = _symmetric ? "true" : "false" });

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new UniformQuantizer(Bits, Granularity, Options) { _symmetric = _symmetric };
        if (_scale is not null)
        {
            clone.Set([.. _scale], [.. _zeroPoint!]);
        }

        return clone;
    }

    /// <inheritdoc/>
    public override void MoveTo(torch.Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        _scales.Clear();
        _zeroPoints.Clear();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _scales.Clear();
        _zeroPoints.Clear();
        _scale = _zeroPoint = null;
    }

    private protected override void Fit(ChannelData data)
    {
        var grids = UniformCalibration.Fit(data, Bits, Options);
        _symmetric = Options.Symmetric;
        Set(Array.ConvertAll(grids, g => g.Scale), Array.ConvertAll(grids, g => g.ZeroPoint));
    }

    private protected override void Import(QuantizationParameters parameters)
    {
        var scale = ParameterCheck.Vector(parameters, ScaleName, s => (float)s == s && float.IsFinite((float)s) && s > 0, "a positive finite float32 number");
        var zeroPoint = ParameterCheck.Vector(
            parameters, ZeroPointName, z => Math.Abs(z) <= 1 << 24 && Math.Round(z) == z, "an integer of at most 2^24");
        var symmetric = ParameterCheck.Option(parameters, SymmetricName, "true", "false") == "true";
        if (scale.Count != zeroPoint.Count || (Granularity is Granularity.PerTensor && scale.Count != 1))
        {
            throw new QuantizationException(string.Create(
                CultureInfo.InvariantCulture,
                $"'{ScaleName}' has {scale.Count} entries and '{ZeroPointName}' {zeroPoint.Count}; expected {(Granularity is Granularity.PerTensor ? "one each" : "equally many")}."));
        }

        if (symmetric && zeroPoint.Any(z => z != Bits.CodeCount / 2))
        {
            throw new QuantizationException($"A symmetric '{Scheme}' quantizer of {Bits} bits has zero point {Bits.CodeCount / 2} throughout; the parameters have others.");
        }

        _symmetric = symmetric;
        Set([.. scale.Select(s => (float)s)], [.. zeroPoint.Select(z => (float)z + 0f)]);
    }

    private protected override torch.Tensor Encode(torch.Tensor x, int axis)
    {
        using var scope = torch.NewDisposeScope();
        return Positions(x, axis).clamp_(0, Bits.MaxCode).to(torch.ScalarType.Byte).MoveToOuterDisposeScope();
    }

    private protected override torch.Tensor Decode(torch.Tensor codes, int axis)
    {
        using var scope = torch.NewDisposeScope();
        var (scale, zeroPoint) = Parameters(codes.device, torch.ScalarType.Float32, codes.dim(), axis);
        return codes.to(torch.ScalarType.Float32).sub_(zeroPoint).mul_(scale).MoveToOuterDisposeScope();
    }

    private protected override torch.Tensor Project(torch.Tensor x, int axis)
    {
        if (FusedCpu.Serves(x))
        {
            return FusedCpu.UniformForward(x, _scale!, _zeroPoint!, Bits.MaxCode, axis);
        }

        using var scope = torch.NewDisposeScope();
        var (scale, zeroPoint) = Parameters(x.device, x.dtype, x.dim(), axis);
        return Positions(x, axis).clamp_(0, Bits.MaxCode).sub_(zeroPoint).mul_(scale).MoveToOuterDisposeScope();
    }

    private protected override torch.Tensor Gradient(torch.Tensor x, torch.Tensor gradient, int axis)
    {
        if (FusedCpu.Serves(x))
        {
            return FusedCpu.UniformBackward(x, gradient, _scale!, _zeroPoint!, Bits.MaxCode, axis);
        }

        using var scope = torch.NewDisposeScope();
        var positions = Positions(x, axis);
        var inside = positions.ge(0).logical_and_(positions.le(Bits.MaxCode));
        return torch.where(inside, gradient, torch.zeros([], gradient.dtype, gradient.device)).MoveToOuterDisposeScope();
    }

    /// <summary>round(x / s) + z: codes before clamping.</summary>
    private torch.Tensor Positions(torch.Tensor x, int axis)
    {
        var (scale, zeroPoint) = Parameters(x.device, x.dtype, x.dim(), axis);
        return x.div(scale).round_().add_(zeroPoint);
    }

    private (torch.Tensor Scale, torch.Tensor ZeroPoint) Parameters(torch.Device device, torch.ScalarType type, long rank, int axis)
    {
        var shape = new long[rank];
        Array.Fill(shape, 1);
        if (axis >= 0)
        {
            shape[axis] = ChannelCount;
        }

        return (_scales.Get(_scale!, device).to(type).view(shape), _zeroPoints.Get(_zeroPoint!, device).to(type).view(shape));
    }

    private void Set(float[] scale, float[] zeroPoint)
    {
        _scales.Clear();
        _zeroPoints.Clear();
        _scale = scale;
        _zeroPoint = zeroPoint;
    }
}
