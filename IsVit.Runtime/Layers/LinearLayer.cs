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

    /// <summary>Whether <see cref="TakeParts"/> can be used: the product is one of integers.</summary>
    public bool TakesParts => _integers is not null;

    /// <summary>Applies the layer to rows.</summary>
    /// <param name="input">Rows of <see cref="InputWidth"/> numbers.</param>
    /// <param name="inputStride">The distance between them.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="output">Receives rows of <see cref="OutputWidth"/> numbers, and to the end of the panel what is of no use; memory of whole tiles of rows.</param>
    /// <param name="outputStride">The distance between them.</param>
    /// <param name="scratch">The worker's memory; <see cref="Scratch.Left"/> is overwritten.</param>
    public void Apply(ReadOnlySpan<float> input, int inputStride, int rows, Span<float> output, int outputStride, Scratch scratch)
    {
        for (var row = 0; row < rows; row++)
        {
            Take(input.Slice(row * inputStride, InputWidth), row, scratch.Left);
        }

        Multiply(scratch.Left, rows, output, outputStride);
    }

    /// <summary>Takes a row as the product's left operand.</summary>
    /// <param name="input">[<see cref="InputWidth"/>].</param>
    /// <param name="index">Which row it is.</param>
    /// <param name="operand">Receives it.</param>
    public void Take(ReadOnlySpan<float> input, int index, OperandRows operand)
    {
        if (_integers is null)
        {
            _left.Round(input, operand.Numbers.Span.Slice(index * InputWidth, InputWidth), operand.Codes.Span);
        }
        else
        {
            _left.Encode(input, index, _integers, operand);
        }
    }

    /// <summary>Takes parts of rows as the product's left operand. When all parts are taken, <see cref="CloseParts"/> is called.</summary>
    /// <param name="tile">The parts, one after the other.</param>
    /// <param name="width">The length of each.</param>
    /// <param name="index">Which row the first belongs to.</param>
    /// <param name="column">Where the parts are in the rows.</param>
    /// <param name="columns">How much of each part is taken.</param>
    /// <param name="operand">Receives them.</param>
    public void TakeParts(ReadOnlySpan<float> tile, int width, int index, int column, int columns, OperandRows operand) =>
        _left.EncodeParts(tile, width, index, column, columns, _integers!, operand);

    /// <summary>Ends rows of which all parts are taken.</summary>
    /// <param name="rows">The number of rows.</param>
    /// <param name="operand">The rows.</param>
    public void CloseParts(int rows, OperandRows operand)
    {
        for (var row = 0; row < rows; row++)
        {
            _left.Close(row, _integers!, operand);
        }
    }

    /// <summary>Multiplies the rows that were taken.</summary>
    /// <param name="operand">The rows.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="output">Receives rows of <see cref="OutputWidth"/> numbers, and to the end of the panel what is of no use; memory of whole tiles of rows.</param>
    /// <param name="outputStride">The distance between them.</param>
    public void Multiply(OperandRows operand, int rows, Span<float> output, int outputStride)
    {
        if (_integers is null)
        {
            FloatProduct.Multiply(operand.Numbers, 0, InputWidth, rows, _floats!, output, outputStride);
        }
        else
        {
            operand.Multiply(_integers, rows, output, outputStride);
        }
    }

    /// <summary>Multiplies the rows that were taken.</summary>
    /// <param name="operand">The rows.</param>
    /// <param name="rows">The number of rows.</param>
    /// <param name="results">What becomes of the results.</param>
    public void Multiply<TResults>(OperandRows operand, int rows, TResults results)
        where TResults : struct, ITileResults
    {
        if (_integers is null)
        {
            FloatProduct.Multiply(operand.Numbers, 0, InputWidth, rows, _floats!, results);
        }
        else
        {
            operand.Multiply(_integers, rows, results);
        }
    }
}
