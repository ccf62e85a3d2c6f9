using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Core.Arithmetic;

/// <summary>
/// Tensors with numbers. TorchSharp 0.107.0 makes a <see cref="Scalar"/> of a number and lets go of it before libtorch has read it, so that a garbage collection in between frees what is being
/// read: the operation then throws, or computes with another number. That holds for every number that is turned into a Scalar by itself, and for tensor + tensor, which
/// multiplies the second one by such a one. Here Scalars live until libtorch is done.
/// </summary>
internal static class ScalarArithmetic
{
    private static readonly Scalar s_zero = 0.ToScalar();
    private static readonly Scalar s_one = 1.ToScalar();

    public static Tensor Plus(this Tensor left, Tensor right) => left.add(right, s_one);

    public static Tensor PlusInPlace(this Tensor left, Tensor right) => left.add_(right, s_one);

    public static Tensor Plus(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.add(scalar, s_one);
    }

    public static Tensor PlusInPlace(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.add_(scalar, s_one);
    }

    public static Tensor Times(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.mul(scalar);
    }

    public static Tensor TimesInPlace(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.mul_(scalar);
    }

    public static Tensor Over(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.div(scalar);
    }

    public static Tensor OverInPlace(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.div_(scalar);
    }

    public static Tensor Squared(this Tensor x) => x.mul(x);

    public static Tensor AtLeast(this Tensor x, double minimum)
    {
        using var scalar = minimum.ToScalar();
        return x.clamp_min(scalar);
    }

    public static Tensor IsWithin(this Tensor x, double minimum, double maximum)
    {
        using var least = minimum.ToScalar();
        using var most = maximum.ToScalar();
        using var above = x.le(most);
        return x.ge(least).logical_and_(above);
    }

    /// <summary>Clamps to 0 to a number, in place.</summary>
    public static Tensor ClampInPlace(this Tensor x, double maximum)
    {
        using var scalar = maximum.ToScalar();
        return x.clamp_(s_zero, scalar);
    }
}
