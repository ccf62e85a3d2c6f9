using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using TorchSharp;

namespace IsVit.Quantizers.Uniform;

/// <summary>Uniform steps: q = clamp(round(x / s) + z, 0, 2^b - 1), x' = s (q - z) (I&amp;S-ViT, arXiv 2311.10126, eq. 7 to 9), per tensor or per channel.</summary>
/// <remarks>
/// s and the integer-valued z are float32. The zero point is not restricted to the codes: a range that does not contain zero keeps all its codes. A constant tensor or
/// channel is reproduced exactly; range ends beyond half of float32's range are clipped there, and a step is never below 2^-21 of the range's
/// larger end, below which float32 could not distinguish codes.
/// </remarks>
public sealed class UniformQuantizer : Quantizer, ILearnableQuantizer, IReparameterizableQuantizer
{
    /// <summary>The name of the scheme.</summary>
    public const string SchemeName = AffineParameters.SchemeName;

    private float[] _scale = [];
    private float[] _zeroPoint = [];
    private bool _symmetric;

    /// <summary>Creates an uncalibrated quantizer.</summary>
    /// <param name="bits">The number of bits of a code.</param>
    /// <param name="granularity">Per tensor or per channel.</param>
    /// <param name="options">How scale and zero point are chosen; null for the choice of the released code for activations.</param>
    public UniformQuantizer(BitWidth bits, Granularity granularity, UniformOptions? options = null)
        : base(bits, SpecCheck.TensorOrChannel(SchemeName, granularity))
    {
        Options = options ?? UniformOptions.Activations;
        _symmetric = Options.Symmetric;
    }

    /// <inheritdoc/>
    public override string Scheme => SchemeName;

    /// <summary>How scale and zero point are chosen.</summary>
    public UniformOptions Options { get; }

    /// <inheritdoc/>
    public override QuantizationParameters ExportParameters() =>
        IsCalibrated ? new AffineParameters(Bits, Granularity, [.. _scale], [.. _zeroPoint], _symmetric) : throw NotCalibrated();

    /// <inheritdoc/>
    public override IQuantizer Clone()
    {
        var clone = new UniformQuantizer(Bits, Granularity, Options) { _symmetric = _symmetric };
        if (IsCalibrated)
        {
            clone.Set(_scale, _zeroPoint);
        }

        return clone;
    }

    /// <inheritdoc/>
    public torch.Tensor BeginLearning() => BeginLearning(() => new LearnedScales(_scale, _zeroPoint, Bits.MaxCode));

    /// <inheritdoc/>
    public void EndLearning() => EndLearning<LearnedScales>(learned => Set(learned.Scales(), _zeroPoint));

    /// <inheritdoc/>
    /// <remarks>The zero point is the mean over the live channels (those whose values vary), rounded: codes do not change because each channel's shift is then an integer multiple of its step.</remarks>
    public CommonGrid ToCommonGrid(IReadOnlyList<bool> isLive)
    {
        RequireChannels(isLive);

        var live = Enumerable.Range(0, _scale.Length).Where(i => isLive[i]).ToList();

        // Ratios are to the scale as it is kept.
        var scale = (float)(live.Count > 0 ? live.Average(i => (double)_scale[i]) : _scale.Average(static s => (double)s));
        var zeroPoint = (float)Math.Round(live.Count > 0 ? live.Average(i => (double)_zeroPoint[i]) : 0, MidpointRounding.ToEven);
        var grid = new UniformQuantizer(Bits, Granularity.Tensor, Options) { _symmetric = _symmetric };
        grid.Set([scale], [zeroPoint]);
        return new CommonGrid(
            grid,
            [.. _scale.Select(s => (double)s / scale)],
            [.. _scale.Select((s, i) => (double)s * ((double)_zeroPoint[i] - zeroPoint))]);
    }

    private protected override void Fit(ChannelData data)
    {
        var grids = UniformCalibration.Fit(data, Bits, Options);
        _symmetric = Options.Symmetric;
        Set(Array.ConvertAll(grids, g => g.Scale), Array.ConvertAll(grids, g => g.ZeroPoint));
    }

    private protected override void Import(QuantizationParameters parameters)
    {
        var affine = Typed<AffineParameters>(parameters);
        _symmetric = affine.IsSymmetric;
        Set([.. affine.Scale], [.. affine.ZeroPoint]);
    }

    private void Set(float[] scale, float[] zeroPoint)
    {
        (_scale, _zeroPoint) = (scale, zeroPoint);
        Set(new UniformProjection(scale, zeroPoint, Bits.MaxCode));
    }
}
