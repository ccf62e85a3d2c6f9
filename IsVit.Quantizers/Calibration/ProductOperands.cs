using IsVit.Model.Quantization;
using TorchSharp;

namespace IsVit.Quantizers.Calibration;

/// <summary>The operands of a product, checked and laid out row after row and matrix after matrix, as float32 on the CPU.</summary>
/// <param name="Left">[rows, inner].</param>
/// <param name="Right">[matrices, inner, columns]; each belongs to as many rows, one after the other.</param>
/// <param name="Importance">[rows].</param>
internal sealed record ProductOperands(torch.Tensor Left, torch.Tensor Right, torch.Tensor Importance) : IDisposable
{
    /// <summary>Takes them.</summary>
    /// <param name="left">[..., rows, inner].</param>
    /// <param name="right">[..., inner, columns].</param>
    /// <param name="importance">At least 0, of a shape that broadcasts to [..., rows]; null for ones.</param>
    /// <param name="scheme">Who asks.</param>
    public static ProductOperands Create(torch.Tensor left, torch.Tensor right, torch.Tensor? importance, string scheme)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        var (leftShape, rightShape) = (left.shape, right.shape);
        if (leftShape.Length < 2 || leftShape.Length != rightShape.Length || !leftShape.AsSpan(..^2).SequenceEqual(rightShape.AsSpan(..^2)) || leftShape[^1] != rightShape[^2])
        {
            throw new QuantizationException($"Operands of shapes [{string.Join(", ", leftShape)}] and [{string.Join(", ", rightShape)}] have no product; expected [..., rows, inner] and [..., inner, columns] with the same leading axes.");
        }

        if (left.NumberOfElements == 0 || right.NumberOfElements == 0)
        {
            throw new QuantizationException($"A '{scheme}' quantizer cannot calibrate on an empty product, of shapes [{string.Join(", ", leftShape)}] and [{string.Join(", ", rightShape)}].");
        }

        var rows = leftShape[..^1];
        if (importance is not null)
        {
            Calibration.Importance.RequireBroadcast(importance, rows, "the product's rows,");
        }

        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var operands = new ProductOperands(
            Floats(left, "left operand").view(-1, leftShape[^1]),
            Floats(right, "right operand").view(-1, rightShape[^2], rightShape[^1]),
            (importance is null ? torch.ones(rows, torch.ScalarType.Float32) : Floats(importance, "importance").expand(rows)).contiguous().view(-1));
        Calibration.Importance.RequireNonNegative(operands.Importance);
        operands.Left.MoveToOuterDisposeScope();
        operands.Right.MoveToOuterDisposeScope();
        operands.Importance.MoveToOuterDisposeScope();
        return operands;
    }

    public void Dispose()
    {
        Left.Dispose();
        Right.Dispose();
        Importance.Dispose();
    }

    private static torch.Tensor Floats(torch.Tensor tensor, string name)
    {
        var floats = tensor.detach().to(torch.ScalarType.Float32).cpu().contiguous();
        return floats.isfinite().all().item<bool>()
            ? floats
            : throw new QuantizationException($"The {name} of a product, of shape [{string.Join(", ", tensor.shape)}], holds a NaN or an infinity; only finite float32 numbers can be calibrated on.");
    }
}
