using System.Globalization;
using IsVit.Optimization.Options;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>The limit that a choice of bits has to meet.</summary>
public sealed record BitBudget
{
    private static readonly (string Suffix, BudgetKind Kind, double Unit)[] s_units =
    [
        ("%bitops", BudgetKind.BitOperations, 0.01),
        ("bits", BudgetKind.MeanBits, 1),
        ("bit", BudgetKind.MeanBits, 1),
        ("kB", BudgetKind.WeightBytes, 1e3),
        ("MB", BudgetKind.WeightBytes, 1e6),
        ("GB", BudgetKind.WeightBytes, 1e9),
        ("B", BudgetKind.WeightBytes, 1),
    ];

    private BitBudget(BudgetKind kind, double value) => (Kind, Value) = (kind, value);

    /// <summary>The notation of budgets, for messages and help.</summary>
    public static string Syntax => "a number and a unit: 4.5bits, 3MB (kB, GB, B), 50%bitops";

    /// <summary>What is limited.</summary>
    public BudgetKind Kind { get; }

    /// <summary>The limit: bits, bytes, or a fraction of the uniform bit width's bit operations, 0.5 for half.</summary>
    public double Value { get; }

    /// <summary>Limits the mean bits of weights and, separately, those of activations.</summary>
    /// <param name="bits">The largest mean number of bits per element.</param>
    /// <exception cref="OptionsException">It is not a positive number.</exception>
    public static BitBudget MeanBits(double bits) => Create(BudgetKind.MeanBits, bits);

    /// <summary>Limits the size of the model's parameters in bytes.</summary>
    /// <param name="bytes">The largest number of bytes; a megabyte is 10^6.</param>
    /// <exception cref="OptionsException">It is not a positive number.</exception>
    public static BitBudget WeightBytes(double bytes) => Create(BudgetKind.WeightBytes, bytes);

    /// <summary>Limits bit operations.</summary>
    /// <param name="share">The limit as a fraction of the bit operations at the bits that the options set: 0.5 for half.</param>
    /// <exception cref="OptionsException">It is not a positive number.</exception>
    public static BitBudget BitOperations(double share) => Create(BudgetKind.BitOperations, share);

    /// <summary>Parses a budget, such as <c>4.5bits</c>, <c>3MB</c> or <c>50%bitops</c>.</summary>
    /// <param name="text">The text; case-insensitive.</param>
    /// <exception cref="OptionsException">The text is not a valid budget.</exception>
    public static BitBudget Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        foreach (var (suffix, kind, unit) in s_units)
        {
            if (text.EndsWith(suffix, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                && number > 0 && double.IsFinite(number * unit))
            {
                return Create(kind, number * unit);
            }
        }

        throw new OptionsException($"The budget is '{text}'; allowed is {Syntax}.");
    }

    /// <summary>Formats the budget so that <see cref="Parse"/> can read it.</summary>
    public override string ToString() => Kind switch
    {
        BudgetKind.MeanBits => string.Create(CultureInfo.InvariantCulture, $"{Value}bits"),
        BudgetKind.WeightBytes when Value >= 1e6 => string.Create(CultureInfo.InvariantCulture, $"{Value / 1e6}MB"),
        BudgetKind.WeightBytes => string.Create(CultureInfo.InvariantCulture, $"{Value}B"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{Value * 100}%bitops"),
    };

    private static BitBudget Create(BudgetKind kind, double value)
    {
        OptionRange.RequirePositive($"{nameof(BitBudget)}.{kind}", value);
        return new BitBudget(kind, value);
    }
}
