using System.Diagnostics;
using System.Runtime.InteropServices;
using IsVit.Core.Quantization;
using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Benchmarks.Quantizers;

/// <summary>Compares the kernels with the separate tensor operations for every float32 there is, all 2^32 bit patterns.</summary>
internal static class ExhaustiveComparison
{
    private const int Chunk = 1 << 24;
    private static readonly int[] s_bits = [3, 4, 8];

    /// <summary>Compares the quantizers whose names hold a text; all if it is null.</summary>
    /// <returns>The exit code: 1 when a number differs.</returns>
    public static int Run(string? filter)
    {
        var failures = 0;
        foreach (var kind in QuantizerKind.All.Where(kind => QuantizerKind.IsPerTensor(kind) && (filter is null || kind.Contains(filter, StringComparison.Ordinal))))
        {
            foreach (var bits in s_bits)
            {
                var clock = Stopwatch.StartNew();
                using var quantizer = Calibrated(kind, bits);
                var differing = Enumerable.Range(0, (int)((1L << 32) / Chunk)).Sum(chunk => Differing(quantizer, chunk));
                Console.WriteLine($"{kind}, {bits} bits: {differing} of 4294967296 numbers differ, in {clock.Elapsed.TotalSeconds:F0} s");
                failures += differing == 0 ? 0 : 1;
            }
        }

        return failures == 0 ? 0 : 1;
    }

    private static IQuantizer Calibrated(string kind, int bits)
    {
        using var scope = torch.NewDisposeScope();
        torch.random.manual_seed(0);
        var normal = torch.randn(1000, 50);
        var quantizer = QuantizerKind.Create(kind, bits);
        quantizer.Calibrate(QuantizerKind.IsLogarithmic(kind) ? (normal * 3).softmax(-1) : normal);
        return quantizer;
    }

    private static long Differing(IQuantizer quantizer, int chunk)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var patterns = new float[Chunk];
        for (var i = 0; i < Chunk; i++)
        {
            patterns[i] = BitConverter.UInt32BitsToSingle(((uint)chunk * Chunk) + (uint)i);
        }

        var x = torch.tensor(patterns);
        var fused = quantizer.FakeQuantize(x);
        using var eager = KernelSwitch.Eager();
        var expected = quantizer.FakeQuantize(x);
        if (expected.bytes.SequenceEqual(fused.bytes))
        {
            return 0;
        }

        // Of NaNs only that they are some counts.
        var e = MemoryMarshal.Cast<byte, float>(expected.bytes);
        var f = MemoryMarshal.Cast<byte, float>(fused.bytes);
        long differing = 0;
        for (var i = 0; i < Chunk; i++)
        {
            var same = BitConverter.SingleToInt32Bits(e[i]) == BitConverter.SingleToInt32Bits(f[i]) || (float.IsNaN(e[i]) && float.IsNaN(f[i]));
            differing += same ? 0 : 1;
        }

        return differing;
    }
}
