using System.CommandLine;
using System.Globalization;
using IsVit.Model.Quantization;
using IsVit.Optimization.MixedPrecision;
using IsVit.Optimization.Options;

namespace IsVit.Tool.Cli;

/// <summary>Options that say what sites' bits may cost, and how it is found out what they do.</summary>
internal static class MixedPrecisionOptions
{
    private static readonly Dictionary<string, SensitivityMethod> s_methods = new(StringComparer.Ordinal)
    {
        ["measured"] = SensitivityMethod.Measured,
        ["estimated"] = SensitivityMethod.Estimated,
    };

    /// <summary>What the choice of bits may cost.</summary>
    public static Option<BitBudget?> Budget() => new("--budget")
    {
        Description = $"Give each site bits of its own, those that change the model's outputs least within a budget of mean bits, bytes or bit operations, which are a part of those of --weight-bits and --activation-bits: {BitBudget.Syntax}",
        HelpName = "BUDGET",
        CustomParser = result =>
        {
            try
            {
                return BitBudget.Parse(ArgumentText.Of(result));
            }
            catch (OptionsException)
            {
                result.AddError($"--budget is '{ArgumentText.Of(result)}'; allowed is {BitBudget.Syntax}.");
                return null;
            }
        },
    };

    /// <summary>A list of bit widths, separated by commas.</summary>
    /// <param name="name">The option, with its dashes.</param>
    /// <param name="description">What it does.</param>
    public static Option<int[]> Widths(string name, string description) => new(name)
    {
        Description = $"{description}, separated by commas ({BitWidth.Minimum} to {BitWidth.Maximum})",
        HelpName = "N,N",
        CustomParser = result =>
        {
            var widths = new List<int>();
            foreach (var text in ArgumentText.Of(result).Split(','))
            {
                if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var bits) || bits is < BitWidth.Minimum or > BitWidth.Maximum)
                {
                    result.AddError($"{name} is '{ArgumentText.Of(result)}'; allowed is numbers from {BitWidth.Minimum} to {BitWidth.Maximum}, separated by commas, such as 4,8.");
                    return null;
                }

                widths.Add(bits);
            }

            return [.. widths.Distinct().Order()];
        },
    };

    /// <summary>Whether sensitivities are measured or estimated.</summary>
    public static Option<Named<SensitivityMethod>> Method() => EngineOptions.OneOf("--sensitivity", "How it is found out what a site's bits do: measured, by one forward for each site and width, or estimated, from derivatives", s_methods, new SensitivityOptions().Method);

    /// <summary>The images that sensitivities are found out on.</summary>
    public static Option<int> Count() => Ranged.Int32("--sensitivity-count", "Find it out on the first N calibration images", new SensitivityOptions().ImageCount, 1, 1_000_000);
}
