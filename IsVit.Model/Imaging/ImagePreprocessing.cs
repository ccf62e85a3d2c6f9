using System.Text.Json.Serialization;

namespace IsVit.Model.Imaging;

/// <summary>
/// How an image is preprocessed to a model's input: the short side, or each side (<see cref="ResizeMode"/>), is resized (<see cref="Filter"/>, antialiased) to floor(<see cref="ImageSize"/> / <see cref="CropFraction"/>),
/// a square of <see cref="ImageSize"/> is cropped from the centre, values are scaled to 0..1, and each channel becomes (value - mean) / std.
/// </summary>
public sealed record ImagePreprocessing
{
    private readonly int _imageSize = 224;
    private readonly double _cropFraction = 0.9;
    private readonly ResizeMode _resizeMode;
    private readonly IReadOnlyList<float> _mean = [0.485f, 0.456f, 0.406f];
    private readonly IReadOnlyList<float> _std = [0.229f, 0.224f, 0.225f];

    /// <summary>224 pixels, crop 0.9, the mean and standard deviation of ImageNet: the preprocessing of DeiT.</summary>
    public static ImagePreprocessing ImageNet { get; } = new();

    /// <summary>224 pixels, crop 0.9, values scaled to -1..1 (mean and standard deviation 0.5): the preprocessing of the ViT weights named "augreg".</summary>
    public static ImagePreprocessing Inception { get; } = new() { Mean = [0.5f, 0.5f, 0.5f], Std = [0.5f, 0.5f, 0.5f] };

    /// <summary>Height and width of the model's input in pixels, at least 1.</summary>
    public int ImageSize
    {
        get => _imageSize;
        init => _imageSize = value >= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(ImageSize), value, "ImageSize is at least 1 pixel.");
    }

    /// <summary>The fraction of the resized side (see <see cref="ResizeSize"/>) that the centre crop keeps, above 0 and at most 1.</summary>
    public double CropFraction
    {
        get => _cropFraction;
        init => _cropFraction = value is > 0 and <= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(CropFraction), value, "CropFraction is above 0 and at most 1.");
    }

    /// <summary>Whether proportions are kept; they are by default.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public ResizeMode ResizeMode
    {
        get => _resizeMode;
        init => _resizeMode = Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(ResizeMode), value, $"ResizeMode is {nameof(ResizeMode.ShortSide)} or {nameof(ResizeMode.Squash)}.");
    }

    /// <summary>The mean of each channel (red, green, blue, or only grey), subtracted from values in 0..1.</summary>
    public IReadOnlyList<float> Mean
    {
        get => _mean;
        init => _mean = Checked(value, nameof(Mean), float.IsFinite, "finite");
    }

    /// <summary>The standard deviation of each channel, above 0, by which the difference is divided.</summary>
    public IReadOnlyList<float> Std
    {
        get => _std;
        init => _std = Checked(value, nameof(Std), v => v > 0 && float.IsFinite(v), "finite and above 0");
    }

    /// <summary>The kernel for resizing; bicubic by default.</summary>
    public ResampleFilter Filter { get; init; } = ResampleFilter.Bicubic;

    /// <summary>The number of channels that the model reads: the number of values in <see cref="Mean"/>.</summary>
    [JsonIgnore]
    public int ChannelCount => Mean.Count;

    /// <summary>The length in pixels of the short side after resizing, or of both (<see cref="ResizeMode"/>): floor(<see cref="ImageSize"/> / <see cref="CropFraction"/>).</summary>
    [JsonIgnore]
    public int ResizeSize => (int)Math.Floor(ImageSize / CropFraction);

    /// <inheritdoc/>
    public bool Equals(ImagePreprocessing? other) => other is not null
        && ImageSize == other.ImageSize
        && CropFraction.Equals(other.CropFraction)
        && ResizeMode == other.ResizeMode
        && Filter == other.Filter
        && Mean.SequenceEqual(other.Mean)
        && Std.SequenceEqual(other.Std);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(ImageSize, CropFraction, ResizeMode, Filter, Mean.Count, Mean[0], Std[0]);

    private static float[] Checked(IReadOnlyList<float> values, string option, Func<float, bool> allowed, string what)
    {
        ArgumentNullException.ThrowIfNull(values, option);
        if (values.Count is not (1 or 3))
        {
            throw new ArgumentException($"{option} has {values.Count} values; expected one a channel: 1 (grey) or 3 (colour).", option);
        }

        foreach (var value in values)
        {
            if (!allowed(value))
            {
                throw new ArgumentOutOfRangeException(option, value, $"Every value of {option} is {what}.");
            }
        }

        return [.. values];
    }
}
