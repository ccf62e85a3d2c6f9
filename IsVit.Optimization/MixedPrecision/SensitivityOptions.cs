using IsVit.Model.Quantization;
using IsVit.Optimization.Options;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>How the sensitivity of a model's sites is determined.</summary>
public sealed record SensitivityOptions
{
    /// <summary>Whether the sensitivity is measured or estimated.</summary>
    public SensitivityMethod Method { get; set; } = SensitivityMethod.Estimated;

    /// <summary>On how many of the calibration images, counted from the first, it is determined; 1 or more, all if there are fewer. Quantizers are calibrated on as many images as in any run.</summary>
    public int ImageCount { get; set; } = 64;

    /// <summary>The bit widths that are evaluated, each 2 to 8. A site whose bits are set by an override is evaluated only at those bits.</summary>
    public IList<int> Widths { get; set; } = [2, 3, 4, 5, 6, 7, 8];

    /// <summary>The number of random linear combinations of an image's outputs that an estimate is based on, 1 to 1024.</summary>
    public int DrawCount { get; set; } = 4;

    /// <summary>Throws if an option is out of range.</summary>
    /// <exception cref="OptionsException">The message names the option, the value and what is allowed.</exception>
    public void Validate()
    {
        OptionRange.RequireDefined(nameof(Method), Method);
        OptionRange.Require(nameof(ImageCount), ImageCount, 1, int.MaxValue);
        OptionRange.Require(nameof(DrawCount), DrawCount, 1, 1024);
        if (Widths is null || Widths.Count == 0)
        {
            throw new OptionsException($"{nameof(Widths)} is empty; allowed is one or more of {BitWidth.Minimum} to {BitWidth.Maximum}.");
        }

        for (var i = 0; i < Widths.Count; i++)
        {
            OptionRange.Require(FormattableString.Invariant($"{nameof(Widths)}[{i}]"), Widths[i], BitWidth.Minimum, BitWidth.Maximum);
        }
    }
}
