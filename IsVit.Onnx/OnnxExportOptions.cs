using IsVit.Detection.Imaging;
using IsVit.Model.Imaging;
using IsVit.Onnx.Quantization;

namespace IsVit.Onnx;

/// <summary>The form of an exported model's products, its names and its metadata.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>The name of a classifier's input: float32 images, [batch, channels, height, width], normalized; the batch size is arbitrary.</summary>
    public string InputName { get; init; } = "images";

    /// <summary>The name of a classifier's output: float32 logits, [batch, classes].</summary>
    public string OutputName { get; init; } = "logits";

    /// <summary>The form of a quantized model's products.</summary>
    public OnnxKernels Kernels { get; init; }

    /// <summary>How images are preprocessed to a classifier's input, stored in the metadata <c>isvit.preprocessing</c>; null to omit it.</summary>
    public ImagePreprocessing? Preprocessing { get; init; }

    /// <summary>How images are preprocessed to a detector's input, stored in the metadata <c>isvit.preprocessing</c>; its <see cref="DetectorPreprocessing.Multiple"/> is what the graph pads to. Null to omit it and to pad to the default.</summary>
    public DetectorPreprocessing? DetectorPreprocessing { get; init; }

    /// <summary>Additional texts for the model's metadata.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
