using System.Globalization;
using IsVit.Core.Quantization;

namespace IsVit.Quantizers;

/// <summary>Validates imported parameters.</summary>
internal static class ParameterCheck
{
    /// <summary>A vector whose entries all satisfy a condition.</summary>
    public static IReadOnlyList<double> Vector(QuantizationParameters parameters, string name, Func<double, bool> valid, string expected)
    {
        var values = parameters.Required(name);
        if (values.Count == 0)
        {
            throw new QuantizationException($"'{name}' of a '{parameters.Scheme}' quantizer is empty.");
        }

        for (var i = 0; i < values.Count; i++)
        {
            if (!valid(values[i]))
            {
                throw new QuantizationException(
                    $"'{name}'[{i}] of a '{parameters.Scheme}' quantizer is {values[i].ToString("R", CultureInfo.InvariantCulture)}; expected {expected}.");
            }
        }

        return values;
    }

    /// <summary>A vector of exactly one entry.</summary>
    public static double Single(QuantizationParameters parameters, string name, Func<double, bool> valid, string expected)
    {
        var values = Vector(parameters, name, valid, expected);
        return values.Count == 1
            ? values[0]
            : throw new QuantizationException($"'{name}' of a '{parameters.Scheme}' quantizer has {values.Count} entries; per tensor has 1.");
    }

    /// <summary>A setting that is one of some.</summary>
    public static string Option(QuantizationParameters parameters, string name, params ReadOnlySpan<string> allowed)
    {
        if (parameters.Options.TryGetValue(name, out var value) && allowed.Contains(value))
        {
            return value;
        }

        throw new QuantizationException(
            $"Option '{name}' of a '{parameters.Scheme}' quantizer is {(value is null ? "absent" : $"'{value}'")}; expected {string.Join(" or ", allowed.ToArray().Select(a => $"'{a}'"))}.");
    }
}
