using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;

namespace IsVit.Model.Quantization;

/// <summary>A quantizer's parameters as a file has them, to be checked entry by entry.</summary>
internal sealed record NamedParameters(
    string Scheme,
    BitWidth Bits,
    Granularity Granularity,
    IReadOnlyDictionary<string, IReadOnlyList<double>> Values,
    IReadOnlyDictionary<string, string> Options)
{
    public static IReadOnlyDictionary<string, string> NoOptions { get; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>A vector by its name.</summary>
    /// <exception cref="QuantizationException">There is none of that name.</exception>
    public IReadOnlyList<double> Required(string name) => Values.TryGetValue(name, out var values)
        ? values
        : throw new QuantizationException($"Parameters of a '{Scheme}' quantizer lack '{name}'; they have {(Values.Count == 0 ? "none" : string.Join(", ", Values.Keys))}.");

    /// <summary>A vector whose entries all satisfy a condition.</summary>
    public IReadOnlyList<double> Vector(string name, Func<double, bool> valid, string expected)
    {
        var values = Required(name);
        if (values.Count == 0)
        {
            throw new QuantizationException($"'{name}' of a '{Scheme}' quantizer is empty.");
        }

        var numbers = Numbers(values);
        for (var i = 0; i < numbers.Length; i++)
        {
            if (!valid(numbers[i]))
            {
                throw new QuantizationException(FormattableString.Invariant($"'{name}'[{i}] of a '{Scheme}' quantizer is {numbers[i].ToString("R", CultureInfo.InvariantCulture)}; expected {expected}."));
            }
        }

        return values;
    }

    /// <summary>A vector of float32 numbers that satisfy a condition.</summary>
    public ImmutableArray<float> Floats(string name, Func<double, bool> valid, string expected) =>
        Floats(Vector(name, value => (float)value == value && float.IsFinite((float)value) && valid(value), expected));

    /// <summary>A vector of whole numbers that a byte holds.</summary>
    public ImmutableArray<byte> Bytes(string name)
    {
        var numbers = Numbers(Vector(name, static value => value == (byte)Math.Clamp(value, byte.MinValue, byte.MaxValue), "a whole number from 0 to 255"));
        var bytes = new byte[numbers.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = (byte)numbers[i];
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(bytes);
    }

    /// <summary>A vector of exactly one entry.</summary>
    public double Single(string name, Func<double, bool> valid, string expected)
    {
        var values = Vector(name, valid, expected);
        return values.Count == 1
            ? values[0]
            : throw new QuantizationException($"'{name}' of a '{Scheme}' quantizer has {values.Count} entries; per tensor has 1.");
    }

    /// <summary>A table of 2^b levels, ascending, in float32.</summary>
    public ImmutableArray<float> Levels(string name)
    {
        var levels = Vector(name, static level => float.IsFinite((float)level), "a finite float32 number");
        if (levels.Count != Bits.CodeCount)
        {
            throw new QuantizationException(FormattableString.Invariant($"'{name}' of a '{Scheme}' quantizer of {Bits.Bits} bits has {levels.Count} entries; expected {Bits.CodeCount}."));
        }

        RequireAscending(name, levels.Count);
        return Floats(levels);
    }

    /// <summary>Throws unless the levels of each table ascend.</summary>
    /// <param name="name">What they are called.</param>
    /// <param name="count">How many levels a table has; the vector has table after table.</param>
    public void RequireAscending(string name, int count)
    {
        var levels = Numbers(Required(name));
        for (var i = 1; i < levels.Length; i++)
        {
            if (i % count != 0 && levels[i] < levels[i - 1])
            {
                throw new QuantizationException(string.Create(
                    CultureInfo.InvariantCulture, $"'{name}'[{i}] of a '{Scheme}' quantizer is {levels[i]:r}; expected at least the entry before, {levels[i - 1]:r}."));
            }
        }
    }

    /// <summary>A setting that is one of some.</summary>
    public string Option(string name, params ReadOnlySpan<string> allowed)
    {
        if (Options.TryGetValue(name, out var value) && allowed.Contains(value))
        {
            return value;
        }

        throw new QuantizationException(
            $"Option '{name}' of a '{Scheme}' quantizer is {(value is null ? "absent" : $"'{value}'")}; expected {string.Join(" or ", allowed.ToArray().Select(a => $"'{a}'"))}.");
    }

    // Without negative zeros.
    private static ImmutableArray<float> Floats(IReadOnlyList<double> values)
    {
        var numbers = Numbers(values);
        var floats = new float[numbers.Length];
        for (var i = 0; i < floats.Length; i++)
        {
            floats[i] = (float)numbers[i] + 0f;
        }

        return ImmutableCollectionsMarshal.AsImmutableArray(floats);
    }

    // A model has tens of thousands of them: a call for each would be felt when one is loaded.
    private static ReadOnlySpan<double> Numbers(IReadOnlyList<double> values) => values as double[] ?? [.. values];
}
