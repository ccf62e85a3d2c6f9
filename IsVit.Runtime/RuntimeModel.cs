using System.Collections.Concurrent;
using IsVit.Model.Architectures;
using IsVit.Model.Imaging;
using IsVit.Model.Quantization;
using IsVit.Model.Saved;
using IsVit.Runtime.Execution;
using IsVit.Runtime.Graphs;
using IsVit.Runtime.Layers;

namespace IsVit.Runtime;

/// <summary>A quantized ViT, DeiT or Swin that computes on integers. Several threads may use one model at the same time.</summary>
public sealed class RuntimeModel
{
    private readonly ConcurrentBag<PredictionRun> _idle = [];
    private readonly IImageGraph _graph;
    private readonly RuntimeOptions _options;

    private RuntimeModel(IImageGraph graph, ModelDescription description, RuntimeOptions options) => (_graph, Description, _options) = (graph, description, options);

    /// <summary>What the file says of the model: its architecture, and if known its name, its preprocessing and its classes.</summary>
    public ModelDescription Description { get; }

    /// <summary>The number of numbers of an image: channels x height x width.</summary>
    public int InputLength => _graph.InputLength;

    /// <summary>The number of outputs for an image: classes, or features of a model without a head.</summary>
    public int OutputWidth => _graph.OutputWidth;

    /// <summary>Loads a model that <c>QuantizedModel.Save</c> or <c>isvit quantize</c> wrote.</summary>
    /// <param name="path">The file; it is not needed afterwards.</param>
    /// <param name="options">How the model is run; null for the defaults.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="Model.Files.WeightFileException">The file is damaged or of another kind.</exception>
    /// <exception cref="QuantizationException">The file does not describe its architecture, or holds what this library cannot run.</exception>
    public static RuntimeModel Load(string path, RuntimeOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new();
        options.Validate();
        using var saved = SavedModel.Open(path);
        var description = saved.Description ?? throw new QuantizationException($"'{path}' does not say of which architecture its model is; expected one that this library names (ViT, DeiT, Swin).");
        Plausibility.Require(saved, description.Architecture);
        try
        {
            return new(Graph(saved, description, options), description, options);
        }
        catch (ArgumentException error)
        {
            // Parameters that each are possible may not be together, or with the shapes that they stand for.
            throw new QuantizationException($"'{path}' does not hold a model that can be run: {error.Message}", error);
        }
    }

    private static IImageGraph Graph(SavedModel saved, ModelDescription description, RuntimeOptions options)
    {
        var parts = new ModelParts(saved, options.Tiles, options.ExactLevels);
        IImageGraph graph = description.Architecture switch
        {
            VisionTransformerOptions vit => new VisionTransformerGraph(parts, vit),
            SwinTransformerOptions swin => new SwinGraph(parts, swin),
            var other => throw parts.Fault($"its architecture is {other.GetType().Name}; expected a ViT or a Swin"),
        };
        parts.RequireAllUsed();
        return graph;
    }

    /// <summary>Resizes, crops and normalizes a decoded image as the file's preprocessing says, to the numbers that timm's evaluation transform gives.</summary>
    /// <param name="rgb">Three bytes a pixel (red, green, blue), rows from top to bottom.</param>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="stride">Bytes from the start of a row to that of the next; null for 3 x <paramref name="width"/>.</param>
    /// <returns>[channels, height, width] of the model's input, <see cref="InputLength"/> numbers in row-major order.</returns>
    /// <exception cref="QuantizationException">The file describes no preprocessing, or one that does not give the model's input.</exception>
    /// <exception cref="ArgumentException">The bytes are no such image, or it is too long and narrow.</exception>
    public float[] Prepare(ReadOnlySpan<byte> rgb, int width, int height, int? stride = null)
    {
        var pixels = new float[InputLength];
        Prepare(rgb, width, height, stride, pixels);
        return pixels;
    }

    /// <summary>Prepares an image in given memory.</summary>
    /// <param name="rgb">Three bytes a pixel (red, green, blue), rows from top to bottom.</param>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="stride">Bytes from the start of a row to that of the next; null for 3 x <paramref name="width"/>.</param>
    /// <param name="pixels">Receives <see cref="InputLength"/> numbers.</param>
    /// <exception cref="QuantizationException">The file describes no preprocessing, or one that does not give the model's input.</exception>
    /// <exception cref="ArgumentException">The bytes are no such image, it is too long and narrow, or there is room for more or fewer numbers.</exception>
    public void Prepare(ReadOnlySpan<byte> rgb, int width, int height, int? stride, Span<float> pixels)
    {
        var preprocessing = Preprocessing();
        if (pixels.Length != InputLength)
        {
            throw new ArgumentException(FormattableString.Invariant($"There is room for {pixels.Length} numbers; expected {InputLength}, as many as an image has."), nameof(pixels));
        }

        using var image = stride is { } distance ? RgbImage.FromRgb(width, height, rgb, distance) : RgbImage.FromRgb(width, height, rgb);
        if (ImagePreparation.Obstacle(preprocessing, width, height) is { } reason)
        {
            throw new ArgumentException(reason, nameof(rgb));
        }

        ImagePreparation.Write(preprocessing, image, pixels);
    }

    /// <summary>Finds the classes that an image most likely is of.</summary>
    /// <param name="pixels">One normalized image, [channels, height, width] in row-major order.</param>
    /// <param name="count">How many classes, at least 1; if the model has fewer, all of them.</param>
    /// <returns>The classes, the likeliest first; of equally likely ones that of the lower index.</returns>
    /// <exception cref="ArgumentException">The length is not <see cref="InputLength"/>, a number is NaN or infinite, or <paramref name="count"/> is below 1.</exception>
    /// <exception cref="QuantizationException">The model has no classes: its outputs are features.</exception>
    public IReadOnlyList<ClassScore> Classify(ReadOnlySpan<float> pixels, int count = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (Description.Architecture.ClassCount == 0)
        {
            throw new QuantizationException("The model has no head: its outputs are features and not classes.");
        }

        if (pixels.Length != InputLength)
        {
            throw new ArgumentException(FormattableString.Invariant($"There are {pixels.Length} numbers; expected one image, {InputLength}."), nameof(pixels));
        }

        return ClassScore.Best(Predict(pixels), Description.Classes, count);
    }

    /// <summary>Computes the outputs of images.</summary>
    /// <param name="pixels">Normalized images, [batch, channels, height, width] in row-major order.</param>
    /// <returns>[batch, <see cref="OutputWidth"/>] in row-major order.</returns>
    /// <exception cref="ArgumentException">The length is no multiple of <see cref="InputLength"/>, or a number is NaN or infinite.</exception>
    public float[] Predict(ReadOnlySpan<float> pixels)
    {
        var outputs = new float[checked(Count(pixels) * OutputWidth)];
        Predict(pixels, outputs);
        return outputs;
    }

    /// <summary>Computes the outputs of images, without allocating memory once as many calls as run at the same time have run.</summary>
    /// <param name="pixels">Normalized images, [batch, channels, height, width] in row-major order.</param>
    /// <param name="outputs">Receives [batch, <see cref="OutputWidth"/>] in row-major order.</param>
    /// <param name="cancellationToken">Ends the call between layers.</param>
    /// <exception cref="ArgumentException">A length does not fit, or a number is NaN or infinite.</exception>
    /// <exception cref="OperationCanceledException">The call was cancelled.</exception>
    public void Predict(ReadOnlySpan<float> pixels, Span<float> outputs, CancellationToken cancellationToken = default)
    {
        var count = Count(pixels);
        if (outputs.Length != (long)count * OutputWidth)
        {
            throw new ArgumentException(FormattableString.Invariant($"There is room for {outputs.Length} outputs; expected {count} images x {OutputWidth}."), nameof(outputs));
        }

        var bad = Numbers.IndexOfNotFinite(pixels);
        if (bad >= 0)
        {
            throw new ArgumentException(FormattableString.Invariant($"Number {bad % InputLength} of image {bad / InputLength} is {pixels[bad]}; expected finite numbers."), nameof(pixels));
        }

        if (!_idle.TryTake(out var run))
        {
            run = new PredictionRun(_graph, _options.MaxDegreeOfParallelism);
        }

        try
        {
            run.Predict(pixels, outputs, cancellationToken);
        }
        finally
        {
            _idle.Add(run);
        }
    }

    private ImagePreprocessing Preprocessing()
    {
        var architecture = Description.Architecture;
        var preprocessing = Description.Preprocessing ?? throw new QuantizationException("The file does not say how images are prepared for the model; expected its preprocessing.");
        var width = (architecture as VisionTransformerOptions)?.ImageWidth ?? architecture.ImageSize;
        return preprocessing.ImageSize == architecture.ImageSize && preprocessing.ImageSize == width && preprocessing.ChannelCount == architecture.InChannels && preprocessing.Std.Count == preprocessing.ChannelCount
            ? preprocessing
            : throw new QuantizationException(FormattableString.Invariant($"The file's preprocessing gives {preprocessing.ChannelCount} channels (and has {preprocessing.Std.Count} standard deviations) of {preprocessing.ImageSize} x {preprocessing.ImageSize} pixels; the model reads {architecture.InChannels} of {architecture.ImageSize} x {width}."));
    }

    private int Count(ReadOnlySpan<float> pixels)
    {
        if (pixels.IsEmpty || pixels.Length % InputLength != 0)
        {
            throw new ArgumentException(FormattableString.Invariant($"There are {pixels.Length} numbers; expected a multiple of {InputLength}, as many as an image has."), nameof(pixels));
        }

        return pixels.Length / InputLength;
    }
}
