namespace IsVit.Detection;

/// <summary>What options may be.</summary>
internal static class OptionCheck
{
    public static void Require(bool holds, string name, object? value, string expected)
    {
        if (!holds)
        {
            throw new ArgumentOutOfRangeException(name, value, FormattableString.Invariant($"{name} is {value ?? "null"}; expected {expected}."));
        }
    }

    public static void AtLeast(int value, int least, string name) => Require(value >= least, name, value, FormattableString.Invariant($"at least {least}"));

    public static void Fraction(double value, string name) => Require(value is >= 0 and <= 1, name, value, "0 to 1");

    public static string Text<T>(IReadOnlyList<T>? numbers) => numbers is null ? "null" : FormattableString.Invariant($"[{string.Join(", ", numbers.Select(static number => FormattableString.Invariant($"{number}")))}]");
}
