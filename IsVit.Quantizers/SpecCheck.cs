using IsVit.Core.Quantization;
using IsVit.Model.Quantization;

namespace IsVit.Quantizers;

/// <summary>What factories refuse.</summary>
internal static class SpecCheck
{
    public static void SchemeIs(QuantizerSpec spec, string scheme)
    {
        ArgumentNullException.ThrowIfNull(spec);
        if (spec.Scheme != scheme)
        {
            throw new QuantizationException($"A '{scheme}' factory was asked for a '{spec.Scheme}' quantizer.");
        }
    }

    public static void PerTensor(string scheme, Granularity granularity)
    {
        ArgumentNullException.ThrowIfNull(granularity);
        if (granularity is not Granularity.PerTensor)
        {
            throw new QuantizationException($"A '{scheme}' quantizer works per tensor only; '{granularity}' was asked for.");
        }
    }

    public static Granularity TensorOrChannel(string scheme, Granularity granularity)
    {
        ArgumentNullException.ThrowIfNull(granularity);
        return granularity is Granularity.PerTensor or Granularity.PerChannel
            ? granularity
            : throw new QuantizationException($"A '{scheme}' quantizer works per tensor or per channel; '{granularity}' was asked for.");
    }
}
