using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;

namespace IsVit.Tests.Optimization.MixedPrecision;

public sealed class BitBudgetTests
{
    [Theory]
    [InlineData("4bits", BudgetKind.MeanBits, 4)]
    [InlineData("4.25BITS", BudgetKind.MeanBits, 4.25)]
    [InlineData("3MB", BudgetKind.WeightBytes, 3e6)]
    [InlineData("2.5mb", BudgetKind.WeightBytes, 2.5e6)]
    [InlineData("512kB", BudgetKind.WeightBytes, 512e3)]
    [InlineData("1GB", BudgetKind.WeightBytes, 1e9)]
    [InlineData("3000001B", BudgetKind.WeightBytes, 3000001)]
    [InlineData("50%bitops", BudgetKind.BitOperations, 0.5)]
    [InlineData("120%BitOps", BudgetKind.BitOperations, 1.2)]
    public void Parse_Text_GivesKindAndValue(string text, BudgetKind kind, double value)
    {
        var budget = BitBudget.Parse(text);

        Assert.Equal(kind, budget.Kind);
        Assert.Equal(value, budget.Value, value * 1e-12);
        Assert.Equal(budget, BitBudget.Parse(budget.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("4")]
    [InlineData("bits")]
    [InlineData("0bits")]
    [InlineData("-4bits")]
    [InlineData("NaNbits")]
    [InlineData("4,5bits")]
    [InlineData("3MiB")]
    [InlineData("50%")]
    [InlineData("3 MB")]
    public void Parse_NoBudget_SaysWhatIsAllowed(string text) =>
        Assert.Equal($"The budget is '{text}'; allowed is a number and a unit: 4.5bits, 3MB (kB, GB, B), 50%bitops.", Assert.Throws<OptionsException>(() => BitBudget.Parse(text)).Message);

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Create_NoPositiveNumber_IsRefused(double value)
    {
        Assert.StartsWith("BitBudget.MeanBits is ", Assert.Throws<OptionsException>(() => BitBudget.MeanBits(value)).Message, StringComparison.Ordinal);
        Assert.StartsWith("BitBudget.WeightBytes is ", Assert.Throws<OptionsException>(() => BitBudget.WeightBytes(value)).Message, StringComparison.Ordinal);
        Assert.StartsWith("BitBudget.BitOperations is ", Assert.Throws<OptionsException>(() => BitBudget.BitOperations(value)).Message, StringComparison.Ordinal);
    }
}
