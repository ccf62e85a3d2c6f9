using IsVit.Runtime.Functions;

namespace IsVit.Runtime.Layers;

/// <summary>Layer normalization over the last axis.</summary>
internal sealed class NormLayer
{
    private readonly float[] _weight;
    private readonly float[] _bias;
    private readonly float _eps;

    /// <summary>Takes a normalization from a model.</summary>
    public NormLayer(ModelParts parts, string path, int width, double eps)
    {
        _weight = parts.Floats($"{path}.weight", width);
        _bias = parts.Floats($"{path}.bias", width);
        _eps = (float)eps;
    }

    /// <summary>Normalizes a row; it may be written onto itself.</summary>
    public void Apply(ReadOnlySpan<float> row, Span<float> output) => LayerNormalization.Apply(row, _weight, _bias, _eps, output);

    /// <summary>Normalizes rows.</summary>
    public void Apply(ReadOnlySpan<float> input, int inputStride, int rows, Span<float> output, int outputStride)
    {
        var width = _weight.Length;
        for (var row = 0; row < rows; row++)
        {
            Apply(input.Slice(row * inputStride, width), output.Slice(row * outputStride, width));
        }
    }
}
