using IsVit.Core.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A site, its quantizer, and what it does at present.</summary>
public sealed class SiteBinding
{
    internal SiteBinding(Site site, IQuantizer quantizer)
    {
        Site = site;
        Quantizer = quantizer;
    }

    /// <summary>The site.</summary>
    public Site Site { get; }

    /// <summary>The quantizer. Linear layers that read one LayerNorm's output share theirs, so that the LayerNorm's scale can move into all of them.</summary>
    public IQuantizer Quantizer { get; private set; }

    /// <summary>What the site does with the numbers that flow through it.</summary>
    public SiteState State { get; set; }

    /// <summary>Whether the site is a weight.</summary>
    public bool IsWeight => Site.Operand == SiteOperand.Weight;

    /// <summary>Puts another quantizer in place. The one before is disposed, unless other sites share it.</summary>
    /// <param name="quantizer">The new quantizer; the attachment disposes it.</param>
    /// <param name="attachment">The attachment that this binding belongs to.</param>
    public void Replace(IQuantizer quantizer, GraphAttachment attachment)
    {
        ArgumentNullException.ThrowIfNull(quantizer);
        ArgumentNullException.ThrowIfNull(attachment);
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
        switch (State)
        {
            case SiteState.Off:
                return null;
            case SiteState.Calibrating:
                Calibrate(x);
                return null;
            case SiteState.CalibratingThenQuantized:
                Calibrate(x);
                State = SiteState.Quantized;
                return Quantizer.FakeQuantize(x);
            default:
                return Quantizer.FakeQuantize(x);
        }
    }

    // A quantizer that several sites share is calibrated by the first of them: they see the same numbers.
    private void Calibrate(Tensor x)
    {
        if (Quantizer.IsCalibrated)
        {
            return;
        }

        using var data = x.detach();
        try
        {
            Quantizer.Calibrate(data);
        }
        catch (QuantizationException e)
        {
            throw new QuantizationException($"Site '{Site.Id}': {e.Message}", e);
        }
    }
}
