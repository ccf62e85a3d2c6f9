using IsVit.Model.Quantization;
using IsVit.Optimization.Options;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>Which bit widths <see cref="BitAllocation"/> may assign. Sites whose bits are set by an override keep them, whatever these options say.</summary>
public sealed record BitAllocationOptions
{
    /// <summary>The allowed bit widths, each 2 to 8, such as 4 and 8 for kernels that support no others; null for all that the report contains.</summary>
    public IList<int>? AllowedBits { get; set; }

    /// <summary>The smallest allowed bit width, 2 to 8.</summary>
    public int Minimum { get; set; } = BitWidth.Minimum;

    /// <summary>The largest allowed bit width, 2 to 8.</summary>
    public int Maximum { get; set; } = BitWidth.Maximum;

    /// <summary>Throws if an option is out of range.</summary>
    /// <exception cref="OptionsException">The message names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        OptionRange.Require(nameof(Minimum), Minimum, BitWidth.Minimum, BitWidth.Maximum);
        OptionRange.Require(nameof(Maximum), Maximum, Minimum, BitWidth.Maximum);
        for (var i = 0; i < AllowedBits?.Count; i++)
        {
            OptionRange.Require(FormattableString.Invariant($"{nameof(AllowedBits)}[{i}]"), AllowedBits[i], BitWidth.Minimum, BitWidth.Maximum);
        }

        if (AllowedBits is not null && !AllowedBits.Any(bits => bits >= Minimum && bits <= Maximum))
        {
            throw new OptionsException(FormattableString.Invariant($"{nameof(AllowedBits)} is [{string.Join(", ", AllowedBits)}]; allowed is a list with a width from {Minimum} to {Maximum}."));
        }
    }

    /// <summary>The widths that sites may get.</summary>
    internal IReadOnlyList<int> Among(SensitivityReport report)
    {
        Validate();
        int[] widths = [.. (AllowedBits ?? [.. report.Widths]).Where(bits => bits >= Minimum && bits <= Maximum).Distinct().Order()];
        if (widths.FirstOrDefault(bits => !report.Widths.Contains(bits)) is var missing and not 0)
        {
            throw new OptionsException(FormattableString.Invariant($"{nameof(AllowedBits)} has {missing}, which the sensitivity report does not; it has {string.Join(", ", report.Widths)}."));
        }

        return widths.Length > 0 ? widths : throw new OptionsException(
            FormattableString.Invariant($"{nameof(Minimum)} is {Minimum} and {nameof(Maximum)} {Maximum}; allowed is a range with one of the widths of the sensitivity report, {string.Join(", ", report.Widths)}."));
    }
}
