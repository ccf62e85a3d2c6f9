using Google.Protobuf;
using IsVit.Onnx.Schema;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace ForeignDetector;

/// <summary>The file in ONNX Runtime, giving what its heads give instead of the boxes that are selected from that, and which places it made queries of.</summary>
internal sealed class OnnxReference : IDisposable
{
    private const string Logits = "/model/decoder/Gather_7_output_0";
    private const string Boxes = "/model/decoder/Gather_8_output_0";
    private const string Queries = "/model/decoder/TopK_output_1";

    private readonly InferenceSession _session;

    public OnnxReference(string path)
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        model.Graph.Output.Add([new ValueInfoProto { Name = Logits }, new ValueInfoProto { Name = Boxes }, new ValueInfoProto { Name = Queries }]);
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        _session = new InferenceSession(model.ToByteArray(), options);
    }

    /// <summary>Runs one image.</summary>
    /// <param name="pixels">[3, size, size].</param>
    /// <returns>[queries, classes], [queries, 4] and [queries].</returns>
    public (Tensor Logits, Tensor Boxes, Tensor Queries) Run(Tensor pixels)
    {
        using var images = OrtValue.CreateTensorValueFromMemory(pixels.contiguous().data<float>().ToArray(), [1, .. pixels.shape]);
        using var sizes = OrtValue.CreateTensorValueFromMemory(new long[] { 1, 1 }, [1, 2]);
        using var options = new RunOptions();
        using var outputs = _session.Run(options, ["images", "orig_target_sizes"], [images, sizes], [Logits, Boxes, Queries]);
        return (Read<float>(outputs[0]), Read<float>(outputs[1]), Read<long>(outputs[2]));
    }

    public void Dispose() => _session.Dispose();

    private static Tensor Read<T>(OrtValue value)
        where T : unmanaged => from_array(value.GetTensorDataAsSpan<T>().ToArray()).reshape(value.GetTensorTypeAndShape().Shape).squeeze(0);
}
