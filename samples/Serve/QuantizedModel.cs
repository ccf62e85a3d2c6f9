using IsVit.Model.Imaging;
using IsVit.Model.Quantization;
using IsVit.Runtime;
using Microsoft.AspNetCore.Http;

namespace Serve;

/// <summary>The quantized model, on integers.</summary>
internal sealed class QuantizedModel : IClassifier
{
    private readonly RuntimeModel _model;

    public QuantizedModel(ServeOptions options)
    {
        _model = RuntimeModel.Load(options.Model!, new() { MaxDegreeOfParallelism = options.Threads });
        var description = _model.Description;
        Preprocessing = description.Preprocessing ?? throw new QuantizationException($"'{options.Model}' does not say how images are prepared for the model.");
        if (description.Architecture.ClassCount == 0)
        {
            throw new QuantizationException($"'{options.Model}': the model has no head: it outputs features, not classes.");
        }

        if (InputLength != _model.InputLength)
        {
            throw new QuantizationException(FormattableString.Invariant($"'{options.Model}': its preprocessing gives {InputLength} numbers an image; the model takes {_model.InputLength}."));
        }

        Classes = options.Classes is null ? description.Classes : File.ReadAllLines(options.Classes);
        if (Classes is not null && Classes.Count != ClassCount)
        {
            throw new QuantizationException(FormattableString.Invariant($"'{options.Classes ?? options.Model}' names {Classes.Count} classes; the model has {ClassCount}."));
        }
    }

    /// <summary>Its name.</summary>
    public string Name => _model.Description.Name ?? "model";

    /// <summary>How images are prepared for it, and for the float model.</summary>
    public ImagePreprocessing Preprocessing { get; }

    /// <summary>The names of its classes; null if unknown.</summary>
    public IReadOnlyList<string>? Classes { get; }

    public int ClassCount => _model.OutputWidth;

    public int InputLength => Preprocessing.ChannelCount * Preprocessing.ImageSize * Preprocessing.ImageSize;

    /// <summary>Resizes, crops and normalizes an image as the model's file says.</summary>
    /// <exception cref="RefusedException">The image is so long and narrow that its resized long side is no 32-bit number.</exception>
    public void Prepare(Picture picture, Span<float> pixels)
    {
        try
        {
            _model.Prepare(picture.Rgb, picture.Width, picture.Height, stride: null, pixels);
        }
        catch (ArgumentException e)
        {
            throw new RefusedException(StatusCodes.Status400BadRequest, e.Message);
        }
    }

    public void Predict(ReadOnlySpan<float> pixels, Span<float> logits, CancellationToken cancellationToken) => _model.Predict(pixels, logits, cancellationToken);
}
