using IsVit.Detection.Imaging;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;

namespace IsVit.Tests.Programs.Onnx;

/// <summary>A detector's ONNX file in ONNX Runtime.</summary>
internal sealed class OnnxDetector : IDisposable
{
    private readonly InferenceSession _session;

    public OnnxDetector(string path)
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        options.AddSessionConfigEntry("session.strict_shape_type_inference", "1");
        _session = new InferenceSession(path, options);
    }

    public IReadOnlyDictionary<string, NodeMetadata> Inputs => _session.InputMetadata;

    public IReadOnlyDictionary<string, string> Metadata => _session.ModelMetadata.CustomMetadataMap;

    /// <summary>What is detected in a batch of one image, from which the padding is cut off.</summary>
    public (torch.Tensor Boxes, torch.Tensor Scores, torch.Tensor Labels, torch.Tensor Masks) Run(DetectorInput input)
    {
        var size = input.Geometries[0];
        using var pixels = input.Images.narrow(2, 0, size.Height).narrow(3, 0, size.Width).contiguous();
        using var image = OrtValue.CreateTensorValueFromMemory(pixels.data<float>().ToArray(), pixels.shape);
        using var scale = OrtValue.CreateTensorValueFromMemory(new[] { size.ScaleX, size.ScaleY }, [2]);
        using var options = new RunOptions();
        using var outputs = _session.Run(options, ["image", "scale"], [image, scale], ["boxes", "scores", "labels", "masks"]);
        torch.Tensor Floats(int index) => torch.tensor(outputs[index].GetTensorDataAsSpan<float>().ToArray()).view(outputs[index].GetTensorTypeAndShape().Shape);
        return (Floats(0), Floats(1), torch.tensor(outputs[2].GetTensorDataAsSpan<long>().ToArray()), Floats(3));
    }

    public void Dispose() => _session.Dispose();
}
