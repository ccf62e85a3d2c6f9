using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.Kernels;

/// <summary>One-pass kernels for float32 on the CPU; every bit equals that of the separate tensor operations they stand for.</summary>
internal static unsafe class FusedCpu
{
    /// <summary>Whether the kernels serve this tensor.</summary>
    public static bool Serves(torch.Tensor x) =>
        KernelSwitch.FusedAllowed && x.dtype == torch.ScalarType.Float32 && x.device_type == DeviceType.CPU && !x.is_sparse;

    public static torch.Tensor UniformForward(torch.Tensor x, float[] scale, float[] zeroPoint, int maxCode, int axis)
    {
        using var input = x.contiguous();
        var output = torch.empty_like(input);
        fixed (float* s = scale, z = zeroPoint)
        {
            var pass = new UniformForward(NativeMemory.Floats(input), NativeMemory.Floats(output), s, z, ChannelLayout.Of(input, axis), maxCode);
            ParallelChunks.Run(pass, input.NumberOfElements);
        }

        return output;
    }

    public static torch.Tensor UniformBackward(torch.Tensor x, torch.Tensor gradient, float[] scale, float[] zeroPoint, int maxCode, int axis)
    {
        using var input = x.contiguous();
        using var incoming = gradient.contiguous();
        var output = torch.empty_like(input);
        fixed (float* s = scale, z = zeroPoint)
        {
            var pass = new UniformBackward(
                NativeMemory.Floats(input), NativeMemory.Floats(incoming), NativeMemory.Floats(output), s, z, ChannelLayout.Of(input, axis), maxCode);
            ParallelChunks.Run(pass, input.NumberOfElements);
        }

        return output;
    }

    /// <summary>Whether the kernels serve this table.</summary>
    public static bool Serves(LevelTable table) => table.PaddedLevels is not null || table.Buckets is not null;

    public static torch.Tensor TableForward(torch.Tensor x, LevelTable table)
    {
        using var input = x.contiguous();
        var output = torch.empty_like(input);
        float* from = NativeMemory.Floats(input), to = NativeMemory.Floats(output);
        if (table.PaddedLevels is not null)
        {
            fixed (float* thresholds = table.PaddedThresholds, levels = table.PaddedLevels)
            {
                ParallelChunks.Run(new ShortTableForward(from, to, new(thresholds, levels, table.Thresholds.Length)), input.NumberOfElements);
            }
        }
        else
        {
            fixed (LevelBuckets.Bucket* buckets = table.Buckets!.Buckets)
            {
                var lookup = new BucketTable(buckets, table.Buckets.Buckets.Length, table.Buckets.First, table.Buckets.Shift);
                ParallelChunks.Run(new BucketTableForward(from, to, lookup), input.NumberOfElements);
            }
        }

        return output;
    }

    public static torch.Tensor TableBackward(torch.Tensor x, torch.Tensor gradient, LevelTable table)
    {
        using var input = x.contiguous();
        using var incoming = gradient.contiguous();
        var output = torch.empty_like(input);
        float* from = NativeMemory.Floats(input), g = NativeMemory.Floats(incoming), to = NativeMemory.Floats(output);
        var slope = new TableSlope(table);
        if (table.Slope == SlopeKind.One)
        {
            ParallelChunks.Run(new LinearTableBackward(from, g, to, slope), input.NumberOfElements);
        }
        else if (table.PaddedLevels is not null)
        {
            fixed (float* thresholds = table.PaddedThresholds, levels = table.PaddedLevels)
            {
                ParallelChunks.Run(new ShortTableBackward(from, g, to, new(thresholds, levels, table.Thresholds.Length), slope), input.NumberOfElements);
            }
        }
        else
        {
            fixed (LevelBuckets.Bucket* buckets = table.Buckets!.Buckets)
            {
                var lookup = new BucketTable(buckets, table.Buckets.Buckets.Length, table.Buckets.First, table.Buckets.Shift);
                ParallelChunks.Run(new BucketTableBackward(from, g, to, lookup, slope), input.NumberOfElements);
            }
        }

        return output;
    }
}
