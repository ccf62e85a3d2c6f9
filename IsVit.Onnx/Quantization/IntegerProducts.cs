using static TorchSharp.torch;

namespace IsVit.Onnx.Quantization;

/// <summary>What ONNX Runtime's integer kernels compute without rounding.</summary>
internal static class IntegerProducts
{
    /// <summary>
    /// Whether products of unsigned codes and a signed weight are exact on every processor. Those with AVX2 or AVX-512 but without VNNI add two neighbouring products as 16-bit integers, which saturate
    /// (vpmaddubsw): the sum of no pair may leave them.
    /// </summary>
    /// <param name="weight">int16 integers that fit into eight bits, [inputs, outputs].</param>
    /// <param name="maxCode">The largest code.</param>
    public static bool AreExact(Tensor weight, int maxCode)
    {
        // The largest sums of a pair are those of its positive and of its negative weights.
        bool Fit(Tensor parts) => PairSums(parts).max().item<int>() * maxCode <= short.MaxValue;
        var wide = weight.to(ScalarType.Int32);
        return Fit(wide.clamp_min(0)) && Fit(wide.neg().clamp_min(0));
    }

    /// <summary>Whether integers fit into eight bits with a sign.</summary>
    /// <param name="weight">int16 integers.</param>
    public static bool FitSigned(Tensor weight) => weight.min().item<short>() >= sbyte.MinValue && weight.max().item<short>() <= sbyte.MaxValue;

    private static Tensor PairSums(Tensor weight)
    {
        var even = weight.shape[0] / 2 * 2;
        var sums = weight.narrow(0, 0, even).view(-1, 2, weight.shape[1]).sum(1, type: ScalarType.Int32);
        return even == weight.shape[0] ? sums : cat([sums, weight.narrow(0, even, 1)], 0);
    }
}
