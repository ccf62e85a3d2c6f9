namespace IsVit.Onnx.Quantization;

/// <summary>What ONNX Runtime's integer kernels compute without rounding.</summary>
internal static class IntegerProducts
{
    /// <summary>
    /// Whether products of unsigned codes and a signed weight are exact on every processor. Those with AVX2 or AVX-512 but without VNNI add two neighbouring products as 16-bit integers, which saturate
    /// (vpmaddubsw): the sum of no pair may leave them.
    /// </summary>
    /// <param name="weight">Integers that fit into eight bits, [inputs, outputs].</param>
    /// <param name="outputs">The number of outputs.</param>
    /// <param name="maxCode">The largest code.</param>
    public static bool AreExact(ReadOnlySpan<int> weight, int outputs, int maxCode)
    {
        // A pair's largest sums are those of its positive and of its negative weights.
        for (var first = 0; first < weight.Length; first += 2 * outputs)
        {
            for (var i = first; i < first + outputs; i++)
            {
                var (even, odd) = (weight[i], i + outputs < weight.Length ? weight[i + outputs] : 0);
                var largest = Math.Max(Math.Max(even, 0) + Math.Max(odd, 0), -(Math.Min(even, 0) + Math.Min(odd, 0)));
                if (largest * maxCode > short.MaxValue)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Whether integers fit into eight bits with a sign.</summary>
    public static bool FitSigned(ReadOnlySpan<int> weight) => !weight.ContainsAnyExceptInRange(sbyte.MinValue, sbyte.MaxValue);
}
