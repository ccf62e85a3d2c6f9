using System.Collections.Concurrent;
using IsVit.Model.Architectures;
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
        var parts = new ModelParts(saved, options.Tiles, options.ExactLevels);
        IImageGraph graph = description.Architecture switch
        {
            VisionTransformerOptions vit => new VisionTransformerGraph(parts, vit),
            SwinTransformerOptions swin => new SwinGraph(parts, swin),
            var other => throw parts.Fault($"its architecture is {other.GetType().Name}; expected a ViT or a Swin"),
        };
        parts.RequireAllUsed();
        return new(graph, description, options);
    }

    /// <summary>Computes the outputs of images.</summary>
    /// <param name="pixels">Normalized images, [batch, channels, height, width] in row-major order.</param>
    /// <returns>[batch, <see cref="OutputWidth"/>] in row-major order.</returns>
    /// <exception cref="ArgumentException">The length is no multiple of <see cref="InputLength"/>, or a number is NaN or infinite.</exception>
    public float[] Predict(ReadOnlySpan<float> pixels)
    {
        var outputs = new float[Count(pixels) * OutputWidth];
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
        if (outputs.Length != count * OutputWidth)
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

    private int Count(ReadOnlySpan<float> pixels)
    {
        if (pixels.IsEmpty || pixels.Length % InputLength != 0)
        {
            throw new ArgumentException(FormattableString.Invariant($"There are {pixels.Length} numbers; expected a multiple of {InputLength}, as many as an image has."), nameof(pixels));
        }

        return pixels.Length / InputLength;
    }
}
