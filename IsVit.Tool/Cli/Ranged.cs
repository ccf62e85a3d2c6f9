using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace IsVit.Tool.Cli;

/// <summary>Options with a range that help texts and errors both state.</summary>
internal static class Ranged
{
    /// <summary>A whole number within a range.</summary>
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="description">What it does.</param>
    /// <param name="defaultValue">When it is not given.</param>
    /// <param name="minimum">The least.</param>
    /// <param name="maximum">The most.</param>
    public static Option<int> Int32(string name, string description, int defaultValue, int minimum, int maximum)
    {
        var allowed = Range(minimum, maximum);
        return new Option<int>(name)
        {
            Description = $"{description} ({allowed})",
            HelpName = "N",
            DefaultValueFactory = _ => defaultValue,
            CustomParser = result => Parse(result, name, allowed, Whole(minimum, maximum)),
        };
    }

    /// <summary>A whole number within a range, or none.</summary>
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="description">What it does.</param>
    /// <param name="minimum">The least.</param>
    /// <param name="maximum">The most.</param>
    public static Option<int?> OptionalInt32(string name, string description, int minimum, int maximum) =>
        Optional<int?>(name, description, "N", Range(minimum, maximum), (result, allowed) => Parse(result, name, allowed, Whole(minimum, maximum)));

    /// <summary>A number above a bound and up to another, or none.</summary>
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="description">What it does.</param>
    /// <param name="above">Every allowed value is larger.</param>
    /// <param name="maximum">The largest allowed value.</param>
    public static Option<double?> OptionalDouble(string name, string description, double above, double maximum) =>
        Optional<double?>(name, description, "X", Above(above, maximum), (result, allowed) => Parse(result, name, allowed, Real(above, maximum)));

    /// <summary>A number from 0 to a bound, both included, or none.</summary>
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="description">What it does.</param>
    /// <param name="maximum">The largest allowed value.</param>
    public static Option<double?> OptionalShare(string name, string description, double maximum) =>
        Optional<double?>(name, description, "X", string.Create(CultureInfo.InvariantCulture, $"0 to {maximum}"), (result, allowed) => Parse(result, name, allowed, Real(-double.Epsilon, maximum)));

    private static Option<T> Optional<T>(string name, string description, string helpName, string allowed, Func<ArgumentResult, string, T> parse) => new(name)
    {
        Description = $"{description} ({allowed})",
        HelpName = helpName,
        CustomParser = result => parse(result, allowed),
    };

    private static string Range(int minimum, int maximum) => string.Create(CultureInfo.InvariantCulture, $"{minimum} to {maximum}");

    private static string Above(double above, double maximum) => string.Create(CultureInfo.InvariantCulture, $"above {above}, at most {maximum}");

    private static Reader<int> Whole(int minimum, int maximum) => (string text, out int value) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value) && value >= minimum && value <= maximum;

    private static Reader<double> Real(double above, double maximum) => (string text, out double value) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out value) && value > above && value <= maximum;

    private delegate bool Reader<T>(string text, out T value);

    private static T? Parse<T>(ArgumentResult result, string name, string allowed, Reader<T> read)
    {
        var text = ArgumentText.Of(result);
        if (read(text, out var value))
        {
            return value;
        }

        result.AddError($"{name} is '{text}'; allowed is {allowed}.");
        return default;
    }
}
