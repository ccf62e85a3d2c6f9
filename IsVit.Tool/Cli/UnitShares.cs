using System.CommandLine;
using System.Globalization;
using IsVit.Cluster.Jobs;

namespace IsVit.Tool.Cli;

/// <summary>The option for a share of a run's units.</summary>
internal static class UnitShares
{
    private const int MostShares = 10_000;

    /// <summary>Makes the option.</summary>
    public static Option<UnitShare?> Option() => new("--units")
    {
        Description = "Compute a share of the units of the first reconstruction, such as 2/4 for every fourth from the second, into --checkpoint and stop: runs that find the files of all shares there go on behind it",
        HelpName = "K/N",
        CustomParser = static result =>
        {
            var text = ArgumentText.Of(result);
            string[] parts = text.Split('/');
            if (parts.Length == 2 && Number(parts[0]) is { } number && Number(parts[1]) is { } count && number <= count)
            {
                return new UnitShare(number - 1, count);
            }

            result.AddError($"--units is '{text}'; expected K/N with K from 1 to N, such as 2/4.");
            return null;
        },
    };

    private static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value is >= 1 and <= MostShares ? value : null;
}
