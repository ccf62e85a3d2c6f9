using IsVit.Core.Quantization;
using IsVit.Model.Quantization;
using IsVit.Quantizers.Calibration;
using IsVit.Quantizers.Projections;
using TorchSharp;

namespace IsVit.Quantizers;

/// <summary>The base class of the library's quantizers: validation, handling of types and devices, and the straight-through gradient.</summary>
/// <remarks>
/// Computations use float32 (float64 for float64 inputs); float16 and bfloat16 inputs are converted up and the result is converted back.
/// A NaN remains NaN in <see cref="FakeQuantize"/>, so that a diverged model is noticed; there is no code for NaN, and <see cref="Quantize"/> returns an unspecified code.
/// </remarks>
public abstract class Quantizer : IQuantizer
{
    private IProjection? _projection;
    private ILearnedParameters? _learned;

    private protected Quantizer(BitWidth bits, Granularity granularity)
    {
        Bits = bits;
        Granularity = granularity;
    }

    /// <inheritdoc/>
    public abstract string Scheme { get; }

    /// <inheritdoc/>
    public BitWidth Bits { get; }

    /// <inheritdoc/>
    public Granularity Granularity { get; }

    /// <inheritdoc/>
    public bool IsCalibrated => _projection is not null;

    /// <inheritdoc/>
    public void Calibrate(torch.Tensor data)
    {
        ArgumentNullException.ThrowIfNull(data);
        using var channels = ChannelData.Create(data, Granularity, Scheme);
        Fit(channels);
    }

    /// <inheritdoc/>
    public torch.Tensor Quantize(torch.Tensor x)
    {
        var (projection, axis) = Check(x);
        using var noGrad = torch.no_grad();
        using var wide = WideProjection.Widen(x);
        return projection.Encode(wide, axis);
    }

    /// <inheritdoc/>
    public torch.Tensor Dequantize(torch.Tensor codes)
    {
        var (projection, axis) = Check(codes);
        using var noGrad = torch.no_grad();
        return projection.Decode(codes, axis);
    }

    /// <inheritdoc/>
    public torch.Tensor FakeQuantize(torch.Tensor x)
    {
        var (projection, axis) = Check(x);
        if (!torch.is_floating_point(x))
        {
            throw new QuantizationException($"A '{Scheme}' quantizer fake-quantizes floating-point numbers; the tensor holds {x.dtype}.");
        }

        if (_learned is not null && torch.is_grad_enabled())
        {
            return StraightThroughFunction.Run(x, _learned, axis);
        }

        if (x.requires_grad && torch.is_grad_enabled())
        {
            return StraightThroughFunction.Run(x, projection, axis);
        }

        using var noGrad = torch.no_grad();
        return WideProjection.Forward(_learned?.Present().Projection ?? projection, x, axis);
    }

    /// <inheritdoc/>
    public abstract QuantizationParameters ExportParameters();

    /// <inheritdoc/>
    public void ImportParameters(QuantizationParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        if (parameters.Scheme != Scheme || parameters.Bits != Bits || parameters.Granularity != Granularity)
        {
            throw new QuantizationException(
                $"The parameters are of '{parameters.Scheme}', {parameters.Bits} bits, {parameters.Granularity}; this quantizer is '{Scheme}', {Bits} bits, {Granularity}.");
        }

        Import(parameters);
    }

    /// <inheritdoc/>
    public abstract IQuantizer Clone();

    /// <inheritdoc/>
    public void MoveTo(torch.Device device)
    {
        ArgumentNullException.ThrowIfNull(device);

        // Copies follow the inputs' device; what lies on the device left behind is freed.
        _projection?.Release();
    }

    /// <summary>Frees the parameters; the quantizer is then uncalibrated.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the parameters.</summary>
    /// <param name="disposing">Whether called from <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
        _learned?.Dispose();
        _learned = null;
        _projection?.Release();
        _projection = null;
    }

    /// <summary>Begins learning, for a scheme that is an <see cref="ILearnableQuantizer"/>.</summary>
    /// <param name="begin">Makes what is learned of the present parameters.</param>
    /// <exception cref="QuantizationException">Not calibrated, or learning already.</exception>
    private protected torch.Tensor BeginLearning(Func<ILearnedParameters> begin)
    {
        if (!IsCalibrated)
        {
            throw NotCalibrated();
        }

        if (_learned is not null)
        {
            throw new QuantizationException($"This '{Scheme}' quantizer is learning already.");
        }

        _learned = begin();
        return _learned.Vector;
    }

    /// <summary>Ends learning, if the quantizer is.</summary>
    /// <param name="takeOver">Makes what was learned the quantizer's parameters.</param>
    private protected void EndLearning<TLearned>(Action<TLearned> takeOver)
        where TLearned : ILearnedParameters
    {
        if (_learned is TLearned learned)
        {
            _learned = null;
            takeOver(learned);
            learned.Dispose();
        }
    }

    private protected abstract void Fit(ChannelData data);

    private protected abstract void Import(QuantizationParameters parameters);

    /// <summary>Parameters of the scheme as the type that they have where the library made them.</summary>
    private protected T Typed<T>(QuantizationParameters parameters)
        where T : QuantizationParameters => parameters as T ?? throw new QuantizationException(
            $"The parameters of this '{Scheme}' quantizer are {parameters.GetType().Name}; expected {typeof(T).Name}, as {nameof(QuantizationParameters)}.{nameof(QuantizationParameters.Create)} makes them.");

    private protected void Set(IProjection projection)
    {
        _projection?.Release();
        _projection = projection;
    }

    private protected QuantizationException NotCalibrated() =>
        new($"This '{Scheme}' quantizer of {Bits} bits has no parameters yet: call Calibrate or ImportParameters first.");

    /// <summary>Throws unless there is an entry for each channel that the quantizer was calibrated for.</summary>
    private protected void RequireChannels(IReadOnlyList<bool> isLive)
    {
        ArgumentNullException.ThrowIfNull(isLive);
        var channels = (_projection ?? throw NotCalibrated()).ChannelCount;
        if (isLive.Count != channels)
        {
            throw new QuantizationException(FormattableString.Invariant($"This '{Scheme}' quantizer was calibrated for {channels} channels; {isLive.Count} were asked about."));
        }
    }

    private (IProjection Projection, int Axis) Check(torch.Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        var projection = _projection ?? throw NotCalibrated();
        if (Granularity is not Granularity.PerChannel channel)
        {
            return (projection, -1);
        }

        var rank = (int)x.dim();
        var channels = projection.ChannelCount;
        if (channel.Axis >= rank || channel.Axis < -rank)
        {
            throw new QuantizationException(FormattableString.Invariant($"A tensor of shape [{string.Join(", ", x.shape)}] has no axis {channel.Axis}, along which this quantizer has its {channels} channels."));
        }

        var axis = channel.Resolve(rank);
        return x.shape[axis] == channels
            ? (projection, axis)
            : throw new QuantizationException(FormattableString.Invariant($"Axis {channel.Axis} of a tensor of shape [{string.Join(", ", x.shape)}] has {x.shape[axis]} channels; this quantizer was calibrated for {channels}."));
    }
}
