using IsVit.Model.Quantization;

namespace IsVit.Tests.TestSupport;

internal static class ParametersExtensions
{
    /// <summary>The same parameters but for what is given.</summary>
    public static QuantizationParameters With(
        this QuantizationParameters parameters,
        string? scheme = null,
        BitWidth? bits = null,
        Granularity? granularity = null,
        IReadOnlyDictionary<string, IReadOnlyList<double>>? values = null,
        IReadOnlyDictionary<string, string>? options = null) => QuantizationParameters.Create(
            scheme ?? parameters.Scheme, bits ?? parameters.Bits, granularity ?? parameters.Granularity, values ?? parameters.Values, options ?? parameters.Options);
}
