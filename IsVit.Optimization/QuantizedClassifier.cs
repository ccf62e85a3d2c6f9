using IsVit.Core.Imaging;
using IsVit.Model.Files;
using IsVit.Model.Imaging;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Optimization;

/// <summary>A quantized model from encoded images to classes: decodes an image, prepares it as the model expects, and ranks the classes by probability. Several threads may call it at the same time.</summary>
public sealed class QuantizedClassifier : IDisposable
{
    /// <summary>How many classes are returned unless another number is asked for.</summary>
    public const int DefaultTop = 5;

    private const string Image = "image";

    private readonly ImagePreprocessor _preprocessor;
    private readonly int _maxBytes;
    private readonly bool _ownsModel;

    /// <summary>Wraps a model, such as one of another architecture than the library's, or one that was just quantized.</summary>
    /// <param name="model">From images [batch, channels, size, size] to logits [batch, classes]. It is used where it is, and not disposed.</param>
    /// <param name="preprocessing">How images are prepared for it.</param>
    /// <param name="classes">The names of its classes, in the order of its outputs; null if unknown.</param>
    /// <param name="decoding">Which image files are accepted; the defaults if null.</param>
    /// <exception cref="QuantizationException">The model is described (<see cref="QuantizedModel.Description"/>), and takes other images or has another number of classes.</exception>
    public QuantizedClassifier(QuantizedModel model, ImagePreprocessing preprocessing, IReadOnlyList<string>? classes = null, ImageDecoderOptions? decoding = null)
        : this(model, preprocessing, classes, decoding, ownsModel: false)
    {
    }

    private QuantizedClassifier(QuantizedModel model, ImagePreprocessing preprocessing, IReadOnlyList<string>? classes, ImageDecoderOptions? decoding, bool ownsModel)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(preprocessing);
        RequireFit(model, preprocessing, classes);
        decoding ??= new ImageDecoderOptions();
        (Model, Classes, _ownsModel, _maxBytes) = (model, classes, ownsModel, decoding.MaxFileBytes);
        _preprocessor = new ImagePreprocessor(preprocessing, decoding);
    }

    /// <summary>The model.</summary>
    public QuantizedModel Model { get; }

    /// <summary>The names of the classes, in the order of the model's outputs; null if unknown.</summary>
    public IReadOnlyList<string>? Classes { get; }

    /// <summary>How images are prepared for the model.</summary>
    public ImagePreprocessing Preprocessing => _preprocessor.Preprocessing;

    /// <summary>Opens a saved model that describes itself, as the files of <c>isvit quantize</c> do: its architecture, the preprocessing of its images and, if known, the names of its classes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where the model runs; null for the CPU.</param>
    /// <param name="decoding">Which image files are accepted; the defaults if null.</param>
    /// <returns>A classifier that owns its model: disposing it disposes the model too.</returns>
    /// <exception cref="WeightFileException">The file is corrupt.</exception>
    /// <exception cref="QuantizationException">The file does not contain a quantized model, does not describe its architecture or preprocessing, or the model outputs features instead of classes.</exception>
    public static QuantizedClassifier Open(string path, Device? device = null, ImageDecoderOptions? decoding = null)
    {
        var model = QuantizedModel.Open(path, device);
        try
        {
            var description = model.Description!;
            var preprocessing = description.Preprocessing
                ?? throw new QuantizationException($"'{path}' does not say how images are prepared for the model; set the preprocessing in {nameof(QuantizedModel)}.{nameof(QuantizedModel.Description)} before saving, or give it to the constructor of {nameof(QuantizedClassifier)}.");
            return description.Architecture.ClassCount == 0
                ? throw new QuantizationException($"'{path}': the model has no head: it outputs features, not classes.")
                : new QuantizedClassifier(model, preprocessing, description.Classes, decoding, ownsModel: true);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Classifies an image.</summary>
    /// <param name="image">The content of a JPEG, PNG, BMP or WebP file.</param>
    /// <param name="top">How many classes are returned, at least 1; all of them if there are fewer.</param>
    /// <returns>The most probable classes, the most probable first.</returns>
    /// <exception cref="ImageException">The content cannot be read as an image.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is below 1.</exception>
    public IReadOnlyList<ClassProbability> Classify(ReadOnlyMemory<byte> image, int top = DefaultTop)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        if (image.Length > _maxBytes)
        {
            throw new ImageException(Image, FormattableString.Invariant($"{image.Length} bytes; at most {_maxBytes} are allowed ({nameof(ImageDecoderOptions.MaxFileBytes)})."));
        }

        using var scope = NewDisposeScope();
        var place = Model.Forward.Module.parameters().FirstOrDefault();
        var pixels = _preprocessor.Preprocess(image.Span, Image).unsqueeze(0);
        var logits = Model.Predict(place is null ? pixels : pixels.to(place.dtype).to(place.device));
        if (logits.dim() != 2 || (Classes is not null && Classes.Count != logits.shape[1]))
        {
            throw new QuantizationException($"The model outputs [{string.Join(", ", logits.shape)}] of an image; expected [1, {(Classes is null ? "classes" : FormattableString.Invariant($"{Classes.Count}"))}].");
        }

        var probabilities = ClassProbability.Of(logits).data<double>().ToArray();
        return [.. probabilities.Select((probability, index) => new ClassProbability(index, Classes?[index], probability)).OrderByDescending(static found => found.Probability).Take(top)];
    }

    /// <summary>Classifies an image from a stream.</summary>
    /// <param name="image">The content of a JPEG, PNG, BMP or WebP file; read from its current position to its end, and left open. It need not be seekable.</param>
    /// <param name="top">How many classes are returned, at least 1; all of them if there are fewer.</param>
    /// <returns>The most probable classes, the most probable first.</returns>
    /// <exception cref="ImageException">The content cannot be read as an image, or is longer than <see cref="ImageDecoderOptions.MaxFileBytes"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is below 1.</exception>
    public IReadOnlyList<ClassProbability> Classify(Stream image, int top = DefaultTop)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        return Classify(ImageStream.Read(image, _maxBytes, Image), top);
    }

    /// <summary>Classifies an image from a stream that is slow, such as the body of a request: reads without blocking, then computes on the thread that the last bytes arrive on.</summary>
    /// <param name="image">See the synchronous method.</param>
    /// <param name="top">How many classes are returned, at least 1; all of them if there are fewer.</param>
    /// <param name="cancellationToken">Stops before the model is run.</param>
    /// <returns>The most probable classes, the most probable first.</returns>
    /// <exception cref="ImageException">The content cannot be read as an image, or is longer than <see cref="ImageDecoderOptions.MaxFileBytes"/>.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="top"/> is below 1.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<IReadOnlyList<ClassProbability>> ClassifyAsync(Stream image, int top = DefaultTop, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(top, 1);
        var content = await ImageStream.ReadAsync(image, _maxBytes, Image, cancellationToken).ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return Classify(content, top);
    }

    /// <summary>Disposes the model if it was opened by <see cref="Open"/>.</summary>
    public void Dispose()
    {
        if (_ownsModel)
        {
            Model.Dispose();
        }
    }

    private static void RequireFit(QuantizedModel model, ImagePreprocessing preprocessing, IReadOnlyList<string>? classes)
    {
        if (model.Description?.Architecture is not { } shape)
        {
            return;
        }

        if ((preprocessing.ChannelCount, preprocessing.ImageSize) != (shape.InChannels, shape.ImageSize))
        {
            throw new QuantizationException(FormattableString.Invariant($"The preprocessing gives {preprocessing.ChannelCount} channels of {preprocessing.ImageSize} pixels; the model takes {shape.InChannels} of {shape.ImageSize}."));
        }

        if (classes is not null && classes.Count != shape.ClassCount)
        {
            throw new QuantizationException(FormattableString.Invariant($"There are {classes.Count} names of classes; the model has {shape.ClassCount} classes."));
        }
    }
}
