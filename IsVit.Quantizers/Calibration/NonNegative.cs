using System.Globalization;
using IsVit.Model.Quantization;

namespace IsVit.Quantizers.Calibration;

/// <summary>What logarithmic schemes need.</summary>
internal static class NonNegative
{
    public static void Check(float minimum, string scheme)
    {
        if (minimum < 0)
        {
            throw new QuantizationException(string.Create(
                CultureInfo.InvariantCulture,
                $"A '{scheme}' quantizer is for numbers that are not negative, as Softmax gives them; the calibration data's smallest is {minimum}."));
        }
    }
}
