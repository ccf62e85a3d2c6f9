using TorchSharp;
using static TorchSharp.torch;

namespace ForeignDetector;

/// <summary>Sums and products whose numbers live as long as libtorch reads them; TorchSharp 0.107 may let go of those of <c>x + y</c> and <c>2 * x</c> before.</summary>
internal static class Arithmetic
{
    private static readonly Scalar s_one = 1.ToScalar();
    private static readonly Scalar s_minusOne = (-1).ToScalar();

    public static Tensor Plus(this Tensor x, Tensor y) => x.add(y, s_one);

    public static Tensor Minus(this Tensor x, Tensor y) => x.add(y, s_minusOne);

    public static Tensor Plus(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.add(scalar, s_one);
    }

    public static Tensor Times(this Tensor x, double number)
    {
        using var scalar = number.ToScalar();
        return x.mul(scalar);
    }

    public static Tensor Within(this Tensor x, double minimum, double maximum)
    {
        using var least = minimum.ToScalar();
        using var most = maximum.ToScalar();
        return x.clamp(least, most);
    }
}
