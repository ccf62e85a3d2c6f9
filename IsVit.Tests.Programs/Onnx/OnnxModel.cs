using Microsoft.ML.OnnxRuntime;
using TorchSharp;

namespace IsVit.Tests.Programs.Onnx;

/// <summary>An ONNX file in ONNX Runtime.</summary>
internal sealed class OnnxModel : IDisposable
{
    private readonly InferenceSession _session;

    public OnnxModel(string path, GraphOptimizationLevel level = GraphOptimizationLevel.ORT_ENABLE_ALL, string? optimized = null)
    {
        using var options = new SessionOptions { GraphOptimizationLevel = level, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };

        // What types and shapes a graph declares and those that follow from its nodes must agree.
        options.AddSessionConfigEntry("session.strict_shape_type_inference", "1");
        if (optimized is not null)
        {
            options.OptimizedModelFilePath = optimized;
        }

        _session = new InferenceSession(path, options);
    }

    public IReadOnlyDictionary<string, NodeMetadata> Inputs => _session.InputMetadata;

    public IReadOnlyDictionary<string, NodeMetadata> Outputs => _session.OutputMetadata;

    public IReadOnlyDictionary<string, string> Metadata => _session.ModelMetadata.CustomMetadataMap;

    public torch.Tensor Run(torch.Tensor x)
    {
        using var plain = x.detach().contiguous();
        using var input = OrtValue.CreateTensorValueFromMemory(plain.data<float>().ToArray(), x.shape);
        using var options = new RunOptions();
        using var outputs = _session.Run(options, [.. Inputs.Keys], [input], [.. Outputs.Keys]);
        return torch.tensor(outputs[0].GetTensorDataAsSpan<float>().ToArray()).view(outputs[0].GetTensorTypeAndShape().Shape);
    }

    public void Dispose() => _session.Dispose();
}
