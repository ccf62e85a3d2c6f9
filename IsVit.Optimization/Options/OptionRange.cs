using System.Globalization;
using System.Numerics;

namespace IsVit.Optimization.Options;

/// <summary>Checks options: what is out of range throws, naming the option, the value and what is allowed.</summary>
internal static class OptionRange
{
    public static void Require<T>(string option, T value, T minimum, T maximum)
        where T : INumber<T>
    {
        if (!(value >= minimum && value <= maximum))
        {
            throw new OptionsException(string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; allowed is {minimum} to {maximum}."));
        }
    }

    public static void RequireDefined<T>(string option, T value)
        where T : struct, Enum
    {
        if (!Enum.IsDefined(value))
        {
            throw new OptionsException($"{option} is {value}; allowed is {string.Join(" or ", Enum.GetNames<T>())}.");
        }
    }

    public static void RequireNotNegative(string option, double value)
    {
        if (!(value >= 0 && double.IsFinite(value)))
        {
            throw new OptionsException(string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; allowed is 0 or any positive number."));
        }
    }

    public static void RequirePositive(string option, double value)
    {
        if (!(value > 0 && double.IsFinite(value)))
        {
            throw new OptionsException(string.Create(CultureInfo.InvariantCulture, $"{option} is {value}; allowed is any positive number."));
        }
    }
}
