using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Runtime.Products;

namespace IsVit.Runtime.Layers;

/// <summary>A linear layer, on integers where both operands are quantized so that integers can be multiplied, else in float.</summary>
internal sealed class LinearLayer
{
    private readonly LeftOperand _left;
    private readonly IntegerPanels? _integers;
    private readonly FloatPanels? _floats;

    private LinearLayer(LeftOperand left, IntegerPanels? integers, FloatPanels? floats, int inputWidth, int outputWidth) =>
        (_left, _integers, _floats, InputWidth, OutputWidth) = (left, integers, floats, inputWidth, outputWidth);

    /// <summary>The number of inputs.</summary>
    public int InputWidth { get; }

    /// <summary>The number of outputs.</summary>
    public int OutputWidth { get; }

    /// <summary>Takes a layer from a model.</summary>
    /// <param name="parts">The model.</param>
    /// <param name="path">The layer's path.</param>
    /// <param name="inputWidth">The number of inputs.</param>
    /// <param name="outputWidth">The number of outputs.</param>
    /// <param name="hasBias">Whether there must be a bias; if not there may be one.</param>
    public static LinearLayer Create(ModelParts parts, string path, int inputWidth, int outputWidth, bool hasBias = true)
    {
        var bias = hasBias ? parts.Floats($"{path}.bias", outputWidth) : parts.FloatsIfAny($"{path}.bias", outputWidth);
        var quantizer = parts.Quantizer(path, SiteOperand.Input);
        var codes = parts.Codes(path, outputWidth, inputWidth);
        var left = LeftOperand.Create(quantizer, takesLevels: codes is not null && !parts.ExactLevels);
        if (codes is not { } weight)
        {
            return InFloat(parts.Floats($"{path}.weight", outputWidth, inputWidth));
        }

        if (left.Integers is { } integers && WeightIntegers.Create(weight.Parameters, outputWidth) is { } table && table.Fit(integers, inputWidth))
        {
            return new(left, table.Pack(parts.Tiles, weight.Codes.Span, inputWidth, integers, left.Scale, bias), null, inputWidth, outputWidth);
        }

        var values = new float[weight.Codes.Length];
        weight.Parameters.Dequantize(weight.Codes.Span, [outputWidth, inputWidth], values);
        return InFloat(values);

        LinearLayer InFloat(float[] weights)
        {
            var panels = new FloatPanels(parts.Tiles, outputWidth, inputWidth);
            for (var column = 0; column < outputWidth; column++)
            {
                panels.SetColumn(column, weights.AsSpan(column * inputWidth, inputWidth));
            }

            bias?.CopyTo(panels.Bias.Span);
            return new(left, null, panels, inputWidth, outputWidth);
        }
    }

    /// <summary>Applies the layer to rows.</summary>
    /// <param name="input">Rows of <see cref="InputWidth"/> numbers.</param>
    /// <param name="inputStride">The distance between them.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="output">Receives rows of <see cref="OutputWidth"/> numbers, and to the end of the panel what is of no use; memory of whole tiles of rows.</param>
    /// <param name="outputStride">The distance between them.</param>
    /// <param name="scratch">The worker's memory.</param>
    public void Apply(ReadOnlySpan<float> input, int inputStride, int rows, Span<float> output, int outputStride, Scratch scratch)
    {
        if (_integers is null)
        {
            _left.Round(input, inputStride, rows, InputWidth, scratch.Codes.Span, scratch.Numbers.Span);
            FloatProduct.Multiply(scratch.Numbers, 0, InputWidth, rows, _floats!, output, outputStride);
        }
        else if (_integers.Form == IntegerForm.Shorts)
        {
            _left.Encode(input, inputStride, rows, InputWidth, _integers.FilledDepth, scratch.Codes.Span, scratch.Shorts.Span, scratch.Sums);
            IntegerProduct.Multiply(scratch.Shorts, 0, _integers.FilledDepth, scratch.Sums, rows, _integers, output, outputStride);
        }
        else
        {
            _left.Encode(input, inputStride, rows, InputWidth, _integers.FilledDepth, scratch.Codes.Span, scratch.Sums);
            IntegerProduct.Multiply(scratch.Codes, 0, _integers.FilledDepth, scratch.Sums, rows, _integers, output, outputStride);
        }
    }
}
