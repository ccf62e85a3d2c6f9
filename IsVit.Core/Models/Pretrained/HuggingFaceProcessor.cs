using IsVit.Model.Imaging;

namespace IsVit.Core.Models.Pretrained;

/// <summary><c>preprocessor_config.json</c> as Hugging Face's image processors for ViT (Swin has the same), DeiT and BiT (which DINOv2 has) write it; what it leaves out is as theirs by default.</summary>
internal sealed class HuggingFaceProcessor
{
    private const string Vit = "ViT";
    private const string Deit = "DeiT";
    private const string Bit = "Bit";

    private readonly ConfigurationFile _file;
    private readonly string _kind;

    /// <summary>Takes a file.</summary>
    /// <param name="file"><c>preprocessor_config.json</c>.</param>
    /// <param name="config">The model's configuration, which says the kind of processor where the file does not.</param>
    public HuggingFaceProcessor(ConfigurationFile file, ConfigurationFile config)
    {
        _file = file;
        _kind = file.Text("image_processor_type") ?? file.Text("feature_extractor_type") ?? config.Text("model_type") switch
        {
            "vit" or "swin" => Vit,
            "deit" => Deit,
            _ => Bit,
        };
    }

    /// <summary>The size of its results, if it makes squares and says how large.</summary>
    public int? Side => Crops ? CropSide : Resizes && Mode == ResizeMode.Squash ? ResizedSide : null;

    private bool Resizes => _file.Flag("do_resize") ?? true;

    private bool Crops => _file.Flag("do_center_crop") ?? _file.Has("crop_size");

    private int? CropSide => _file.Side("crop_size");

    private bool HasShortestEdge => _file.Section("size")?.Has("shortest_edge") == true;

    private int? ResizedSide => HasShortestEdge ? _file.Section("size")!.Int32("shortest_edge") : _file.Side("size");

    // One number means both sides to some processors, and the short side to others.
    private ResizeMode Mode => HasShortestEdge || (_file.Section("size") is null && !IsOf(Vit) && !IsOf(Deit)) ? ResizeMode.ShortSide : ResizeMode.Squash;

    // Numbers as Pillow's.
    private ResampleFilter Filter => (_file.Int32("resample") ?? (IsOf(Vit) ? 2 : 3)) switch
    {
        2 => ResampleFilter.Bilinear,
        3 => ResampleFilter.Bicubic,
        var other => throw new PretrainedModelException(FormattableString.Invariant($"{_file.FilePath}: resample is {other}; expected 2 (bilinear) or 3 (bicubic).")),
    };

    // The numbers that it makes of 0 to 255, as a multiple of those from 0 to 1.
    private double Range
    {
        get
        {
            var range = 255 * (_file.Flag("do_rescale") == false ? 1 : _file.Number("rescale_factor") ?? 1.0 / 255);
            return range switch
            {
                > 0.999999 and < 1.000001 => 1,
                > 0 and < 1e9 => range,
                _ => throw new PretrainedModelException(FormattableString.Invariant($"{_file.FilePath}: rescale_factor is {range / 255}; expected a number above 0, such as 1/255.")),
            };
        }
    }

    /// <summary>How images are prepared.</summary>
    /// <param name="imageSize">The model's input in pixels.</param>
    /// <param name="notes">Where is said what cannot be done exactly.</param>
    public ImagePreprocessing Preprocessing(int imageSize, List<string> notes)
    {
        var result = ImagePreprocessing.ImageNet with { ImageSize = imageSize, CropFraction = 1, Filter = Filter };
        result = Resizes ? Resized(result, notes) : Unresized(result, notes);
        var normalizes = _file.Flag("do_normalize") ?? true;
        return result with
        {
            Mean = Scaled(normalizes ? Channels("image_mean") ?? result.Mean : [0, 0, 0]),
            Std = Scaled(normalizes ? Channels("image_std") ?? result.Std : [1, 1, 1]),
        };
    }

    // Divided as double, a quotient may be a little too large for the side to come out of it again.
    private static double Fraction(int crop, int side)
    {
        var fraction = (double)crop / side;
        return Math.Floor(crop / fraction) < side ? Math.BitDecrement(fraction) : fraction;
    }

    private bool IsOf(string kind) => _kind.StartsWith(kind, StringComparison.Ordinal);

    private ImagePreprocessing Resized(ImagePreprocessing whole, List<string> notes)
    {
        whole = whole with { ResizeMode = Mode };
        var resizedSide = ResizedSide;
        if (!Crops)
        {
            if (Mode == ResizeMode.ShortSide)
            {
                notes.Add($"{Name()} leaves images as long as they are; here their middle square is taken");
            }
            else if (resizedSide is { } other && other != whole.ImageSize)
            {
                notes.Add(FormattableString.Invariant($"{Name()} resizes images to {other} pixels; here it is to the model's {whole.ImageSize}"));
            }

            return whole;
        }

        if (resizedSide is not { } side || CropSide is not { } crop)
        {
            return whole;
        }

        if (side < crop)
        {
            notes.Add(FormattableString.Invariant($"{Name()} puts images of {side} pixels into a black frame of {crop}; here they fill it"));
            return whole;
        }

        return whole with { CropFraction = Fraction(crop, side) };
    }

    private ImagePreprocessing Unresized(ImagePreprocessing whole, List<string> notes)
    {
        notes.Add(FormattableString.Invariant($"{Name()} resizes no images; here the short side of those that are not of {whole.ImageSize} x {whole.ImageSize} pixels is resized, and the middle square taken"));
        return whole;
    }

    private string Name() => Path.GetFileName(_file.FilePath);

    private float[] Scaled(IReadOnlyList<float> values) => [.. values.Select(value => (float)(value / Range))];

    private float[]? Channels(string key) => _file.Numbers(key) is { } numbers ? [.. numbers.Select(static number => (float)number)] : null;
}
