using IsVit.Model.Quantization;
using Microsoft.ML.OnnxRuntime;

namespace Serve;

/// <summary>The float model in ONNX Runtime, as <c>isvit export</c> writes it.</summary>
internal sealed class FloatModel : IClassifier, IDisposable
{
    private readonly InferenceSession _session;
    private readonly string[] _inputs;
    private readonly string[] _outputs;
    private readonly long[] _shape;

    public FloatModel(ServeOptions options, QuantizedModel quantized)
    {
        if (!File.Exists(options.Float))
        {
            throw new FileNotFoundException($"There is no file '{options.Float}'; expected the ONNX file of the float model.", options.Float);
        }

        using var session = new SessionOptions { IntraOpNumThreads = options.Threads, InterOpNumThreads = 1 };
        _session = new InferenceSession(options.Float, session);
        try
        {
            (_inputs, _outputs) = ([.. _session.InputNames], [.. _session.OutputNames]);
            var size = quantized.Preprocessing.ImageSize;
            _shape = [1, quantized.Preprocessing.ChannelCount, size, size];
            var outputs = _session.OutputMetadata[_outputs[0]].Dimensions;
            if (_inputs.Length != 1 || outputs is not [_, var classes] || classes != quantized.ClassCount)
            {
                throw new QuantizationException(FormattableString.Invariant($"'{options.Float}' takes {_inputs.Length} inputs and gives [{string.Join(", ", outputs)}]; expected one input and [batch, {quantized.ClassCount}], as of the float model of '{options.Model}'."));
            }
        }
        catch
        {
            _session.Dispose();
            throw;
        }
    }

    public void Predict(ReadOnlySpan<float> pixels, Span<float> logits, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var input = OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float, _shape);
        pixels.CopyTo(input.GetTensorMutableDataAsSpan<float>());
        using var run = new RunOptions();
        using var values = _session.Run(run, _inputs, [input], _outputs);
        values[0].GetTensorDataAsSpan<float>().CopyTo(logits);
    }

    public void Dispose() => _session.Dispose();
}
