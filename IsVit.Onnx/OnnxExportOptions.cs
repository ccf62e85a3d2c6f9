using IsVit.Model.Imaging;
using IsVit.Onnx.Quantization;

namespace IsVit.Onnx;

/// <summary>What an exported model carries beside its graph.</summary>
public sealed record OnnxExportOptions
{
    /// <summary>The name of the input: float32 images, [batch, channels, height, width], normalised; any number of them.</summary>
    public string InputName { get; init; } = "images";

    /// <summary>The name of the output: float32 logits, [batch, classes].</summary>
    public string OutputName { get; init; } = "logits";

    /// <summary>Which form a quantized model's products have.</summary>
    public OnnxKernels Kernels { get; init; }

    /// <summary>How images become the input, told in the metadata <c>isvit.preprocessing</c>; null to leave it out.</summary>
    public ImagePreprocessing? Preprocessing { get; init; }

    /// <summary>More texts for the model's metadata.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
