using System.Globalization;
using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Quantizers.Calibration;

/// <summary>Checks of how much squared errors count.</summary>
internal static class Importance
{
    /// <summary>Throws unless one shape broadcasts to another.</summary>
    /// <param name="importance">How much each counts.</param>
    /// <param name="shape">The shape of what counts.</param>
    /// <param name="what">What that is.</param>
    public static void RequireBroadcast(torch.Tensor importance, long[] shape, string what)
    {
        if (importance.dim() > shape.Length || !Enumerable.Reverse(importance.shape).Zip(Enumerable.Reverse(shape)).All(static pair => pair.First == 1 || pair.First == pair.Second))
        {
            throw new QuantizationException($"An importance of shape [{string.Join(", ", importance.shape)}] does not broadcast to {what} [{string.Join(", ", shape)}].");
        }
    }

    /// <summary>Throws if one is negative.</summary>
    public static void RequireNonNegative(torch.Tensor importance)
    {
        using var scope = torch.NewDisposeScope();
        var smallest = importance.min().to(torch.float64).item<double>();
        if (smallest < 0)
        {
            throw new QuantizationException(string.Create(CultureInfo.InvariantCulture, $"The smallest importance is {smallest:r}; expected at least 0."));
        }
    }
}
