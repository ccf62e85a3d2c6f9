using TorchSharp;

namespace IsVit.Tests.TestSupport;

/// <summary>Comparisons of whole tensors whose failure names the worst element.</summary>
internal static class TensorAssert
{
    /// <summary>Equal shapes and types, and values within the table's tolerance for the type.</summary>
    public static void Close(torch.Tensor expected, torch.Tensor actual) => Close(expected, actual, Tolerances.For(expected.dtype));

    /// <summary>Equal shapes and types, and values within <paramref name="tolerance"/>; NaN equals NaN.</summary>
    public static void Close(torch.Tensor expected, torch.Tensor actual, Tolerance tolerance)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.Equal(expected.dtype, actual.dtype);
        if (expected.numel() == 0)
        {
            return;
        }

        using var scope = torch.NewDisposeScope();
        torch.Tensor wanted = expected.detach().cpu().to(torch.ScalarType.Float64).reshape(-1);
        torch.Tensor found = actual.detach().cpu().to(torch.ScalarType.Float64).reshape(-1);
        torch.Tensor same = wanted.eq(found).logical_or(wanted.isnan().logical_and(found.isnan()));
        torch.Tensor excess = (found - wanted).abs() - (tolerance.Absolute + tolerance.Relative * wanted.abs());
        excess = excess.nan_to_num(nan: double.MaxValue).masked_fill(same, -1);
        long worst = excess.argmax().item<long>();
        Assert.True(
            excess[worst].item<double>() <= 0,
            $"element {worst} of shape [{string.Join(", ", expected.shape)}] is {found[worst].item<double>():R}, expected {wanted[worst].item<double>():R} "
            + $"within {tolerance.Relative:R} relative and {tolerance.Absolute:R} absolute; {excess.gt(0).sum().item<long>()} of {expected.numel()} differ.");
    }

    /// <summary>Equal shapes, types and values, with no tolerance.</summary>
    public static void Identical(torch.Tensor expected, torch.Tensor actual) => Close(expected, actual, default);
}
