using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A site, its quantizer, and its current state.</summary>
public sealed class SiteBinding
{
    private SiteState _state;
    private readonly CallsSeen? _seen;
    private bool _calibrates;

    /// <param name="site">The site.</param>
    /// <param name="quantizer">Its quantizer.</param>
    /// <param name="repeats">Whether its module runs several times in one forward.</param>
    internal SiteBinding(Site site, IQuantizer quantizer, bool repeats = false)
    {
        Site = site;
        Quantizer = quantizer;
        _seen = repeats && site.Operand != SiteOperand.Weight ? new CallsSeen(quantizer.Granularity) : null;
    }

    /// <summary>The site.</summary>
    public Site Site { get; }

    /// <summary>The quantizer. Linear layers that read the same LayerNorm's output share one quantizer, so that the LayerNorm's scale can be folded into all of them.</summary>
    public IQuantizer Quantizer { get; private set; }

    /// <summary>
    /// What the site does with the tensors that pass through it. After setting one of the calibrating states, the next tensor calibrates the quantizer, whether it was calibrated before
    /// or not; sites that share a quantizer are calibrated by the first of them that runs, because they read the same values. The site of a module that runs several times in one forward is calibrated on
    /// everything that passes until another state is set.
    /// </summary>
    public SiteState State
    {
        get => _state;
        set
        {
            EndCalibration();
            _state = Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, $"{nameof(State)} is {value}, which is no {nameof(SiteState)}.");
            _calibrates = value is SiteState.Calibrating or SiteState.CalibratingThenQuantized;
        }
    }

    /// <summary>Whether the site is a weight.</summary>
    public bool IsWeight => Site.Operand == SiteOperand.Weight;

    internal GraphAttachment? Attachment { get; set; }

    /// <summary>Told of what the quantizer reads, before it is rounded, while the site is <see cref="SiteState.Quantized"/>; null for nobody.</summary>
    internal Action<Tensor>? Reader { get; set; }

    /// <summary>What the quantizer is calibrated on in place of the numbers that flow through the site; null, or giving null, for those themselves.</summary>
    internal Func<Tensor, Tensor?>? CalibrationSample { get; set; }

    /// <summary>Changes what the quantizer made of numbers, in place and without a gradient, while the site is <see cref="SiteState.Quantized"/>; given the numbers and what was made of them. Null to leave it.</summary>
    internal Action<Tensor, Tensor>? Blend { get; set; }

    /// <summary>Puts another quantizer in place. The one before is disposed, unless other sites share it.</summary>
    /// <param name="quantizer">The new quantizer; the attachment disposes it.</param>
    /// <param name="attachment">The attachment that this binding belongs to.</param>
    /// <exception cref="ArgumentException">The binding belongs to another attachment.</exception>
    internal void Replace(IQuantizer quantizer, GraphAttachment attachment)
    {
        ArgumentNullException.ThrowIfNull(quantizer);
        ArgumentNullException.ThrowIfNull(attachment);
        if (!ReferenceEquals(attachment, Attachment))
        {
            throw new ArgumentException($"The site '{Site.Id}' belongs to another attachment.", nameof(attachment));
        }

        var before = Quantizer;
        Quantizer = quantizer;
        if (attachment.Bindings.All(binding => !ReferenceEquals(binding.Quantizer, before)))
        {
            before.Dispose();
        }
    }

    /// <summary>What flows on in place of the given numbers; null for the numbers themselves.</summary>
    internal Tensor? Process(Tensor x)
    {
        if (State == SiteState.Off)
        {
            return null;
        }

        try
        {
            if (_calibrates)
            {
                Calibrate(x);
            }

            if (State == SiteState.Calibrating)
            {
                return null;
            }

            if (State == SiteState.Quantized)
            {
                Reader?.Invoke(x);
            }

            var quantized = Quantizer.FakeQuantize(x);
            if (State == SiteState.CalibratingThenQuantized && _seen is null)
            {
                State = SiteState.Quantized;
            }

            if (ReferenceEquals(quantized, x))
            {
                return null;
            }

            if (State == SiteState.Quantized)
            {
                Blend?.Invoke(x, quantized);
            }

            return quantized;
        }
        catch (QuantizationException e)
        {
            throw new QuantizationException($"Site '{Site.Id}': {e.Message}", e);
        }
    }

    /// <summary>Calibrates the quantizer of a module that ran several times on what passed in all calls.</summary>
    internal void EndCalibration()
    {
        if (_seen?.Take() is { } all)
        {
            using (all)
            {
                Quantizer.Calibrate(all);
            }
        }
    }

    private void Calibrate(Tensor x)
    {
        if (_seen is not null)
        {
            _seen.Add(x);

            // Numbers that are to go on quantized are by what was seen so far.
            if (State == SiteState.CalibratingThenQuantized)
            {
                using var soFar = _seen.Join();
                Quantizer.Calibrate(soFar);
            }

            return;
        }

        using var data = x.detach();
        using var sample = CalibrationSample?.Invoke(data);
        Quantizer.Calibrate(sample ?? data);
        foreach (var binding in Attachment?.Bindings ?? [this])
        {
            binding._calibrates &= !ReferenceEquals(binding.Quantizer, Quantizer);
        }
    }
}
