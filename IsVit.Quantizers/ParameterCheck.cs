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

    /// <summary>A table of 2^b levels, ascending.</summary>
    public static double[] Levels(QuantizationParameters parameters, string name)
    {
        var levels = Vector(parameters, name, static level => double.IsFinite((float)level), "a finite float32 number").ToArray();
        if (levels.Length != parameters.Bits.CodeCount)
        {
            throw new QuantizationException($"'{name}' of a '{parameters.Scheme}' quantizer of {parameters.Bits.Bits} bits has {levels.Length} entries; expected {parameters.Bits.CodeCount}.");
        }

        Ascending(parameters, name, levels, levels.Length);
        return levels;
    }

    /// <summary>Throws unless the levels of each table ascend.</summary>
    /// <param name="parameters">What the levels are of.</param>
    /// <param name="name">What they are called.</param>
    /// <param name="levels">Table after table.</param>
    /// <param name="count">How many levels a table has.</param>
    public static void Ascending(QuantizationParameters parameters, string name, IReadOnlyList<double> levels, int count)
    {
        for (var i = 1; i < levels.Count; i++)
        {
            if (i % count != 0 && levels[i] < levels[i - 1])
            {
                throw new QuantizationException(string.Create(
                    CultureInfo.InvariantCulture, $"'{name}'[{i}] of a '{parameters.Scheme}' quantizer is {levels[i]:r}; expected at least the entry before, {levels[i - 1]:r}."));
            }
        }
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
