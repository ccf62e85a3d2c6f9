namespace IsVit.Optimization.Options;

/// <summary>How quantizers get their parameters.</summary>
public sealed record CalibrationOptions
{
    /// <summary>On how many of the calibration images, from the first, activation quantizers choose their parameters; 1 or more. The released code takes 64.</summary>
    public int ImageCount { get; set; } = 64;

    /// <summary>
    /// From how many of the calibration images, from the first, statistics are taken that ranges need not: output sensitivity, the moments for compensation and the means for
    /// bias correction; 1 or more. <see cref="QuantizedModel.CalibrationStatistics"/> are of 128 of them at most.
    /// </summary>
    public int StatisticsImageCount { get; set; } = 256;

    /// <summary>What an activation quantizer sees while it is calibrated.</summary>
    public CalibrationInput Input { get; set; } = CalibrationInput.Quantized;

    internal void Validate()
    {
        OptionRange.Require($"{nameof(QuantizationOptions.Calibration)}.{nameof(ImageCount)}", ImageCount, 1, int.MaxValue);
        OptionRange.Require($"{nameof(QuantizationOptions.Calibration)}.{nameof(StatisticsImageCount)}", StatisticsImageCount, 1, int.MaxValue);
        OptionRange.RequireDefined($"{nameof(QuantizationOptions.Calibration)}.{nameof(Input)}", Input);
    }
}
