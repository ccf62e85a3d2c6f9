namespace IsVit.Optimization.Options;

/// <summary>How quantizers are calibrated.</summary>
public sealed record CalibrationOptions
{
    /// <summary>The number of calibration images, counted from the first, that activation quantizers are calibrated on; 1 or more. The released code uses 64.</summary>
    public int ImageCount { get; set; } = 64;

    /// <summary>
    /// The number of calibration images, counted from the first, for statistics other than ranges: output sensitivity, the moments for weight compensation and the means for
    /// bias correction; 1 or more. <see cref="QuantizedModel.CalibrationStatistics"/> are taken from at most 128 of them.
    /// </summary>
    public int StatisticsImageCount { get; set; } = 256;

    /// <summary>Which activations a quantizer is calibrated on.</summary>
    public CalibrationInput Input { get; set; } = CalibrationInput.Quantized;

    internal void Validate()
    {
        OptionRange.Require($"{nameof(QuantizationOptions.Calibration)}.{nameof(ImageCount)}", ImageCount, 1, int.MaxValue);
        OptionRange.Require($"{nameof(QuantizationOptions.Calibration)}.{nameof(StatisticsImageCount)}", StatisticsImageCount, 1, int.MaxValue);
        OptionRange.RequireDefined($"{nameof(QuantizationOptions.Calibration)}.{nameof(Input)}", Input);
    }
}
