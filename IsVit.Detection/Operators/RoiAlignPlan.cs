using System.Runtime.InteropServices;
using IsVit.Quantizers.Kernels;
using IsVit.Quantizers.Native;
using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>
/// Pooling of given regions on the CPU in one pass over all levels, and back. Each piece of work is a few channels of one image's map with all its regions: the map stays in the cache, and backwards no
/// two threads add to the same numbers, so that sums do not depend on how many there are.
/// </summary>
internal sealed unsafe class RoiAlignPlan
{
    // Some maps of a level at a time: half of a usual second-level cache, at most as many channels as make a region's bins whole cache lines.
    private const long MapBytesAtOnce = 1 << 19;
    private const int MostChannelsAtOnce = 8;

    // What a thread is worth waking for, and pieces for each so that all end at about the same time.
    private const long NumbersPerThread = 1 << 13;
    private const int PiecesPerThread = 4;
    private const int PlansAtOnce = 32;

    private readonly RoiPooling _pooling;
    private readonly VectorWidth _vectors = KernelSwitch.Width;
    private readonly Map[] _maps;
    private readonly int _count;
    private readonly int _channels;
    private readonly int _scratch;

    /// <summary>Finds where each region samples its map.</summary>
    /// <param name="pooling">How regions are pooled.</param>
    /// <param name="features">The maps, [batch, channels, height, width].</param>
    /// <param name="table">The regions.</param>
    /// <param name="levels">Each region's map.</param>
    /// <param name="scales">Each map's cells per pixel.</param>
    public RoiAlignPlan(RoiPooling pooling, IReadOnlyList<torch.Tensor> features, RoiTable table, int[] levels, double[] scales)
    {
        _pooling = pooling;
        _count = table.Count;
        _channels = (int)features[0].shape[1];
        var samplings = new RoiSampling[_count];
        var sizes = features.Select(static map => (Height: (int)map.shape[2], Width: (int)map.shape[3])).ToArray();
        var lanes = RoiAlignKernel.Lanes(_vectors);
        void Create(int block)
        {
            for (var roi = block * PlansAtOnce; roi < Math.Min(_count, (block + 1) * PlansAtOnce); roi++)
            {
                var level = levels[roi];
                samplings[roi] = RoiSampling.Create(pooling, table, roi, (float)scales[level], sizes[level].Height, sizes[level].Width, lanes);
            }
        }

        TorchThreads.For((_count + PlansAtOnce - 1) / PlansAtOnce, Create);
        var batch = (int)features[0].shape[0];
        var members = samplings.ToLookup(sampling => (levels[sampling.Roi], table.Image(sampling.Roi)));
        _maps = [.. Enumerable.Range(0, features.Count).SelectMany(level => Enumerable.Range(0, batch).Select(image => new Map(level, image, sizes[level].Height, sizes[level].Width, [.. members[(level, image)]])))];
        _scratch = samplings.Length == 0 ? 0 : samplings.Max(sampling => RoiAlignKernel.ScratchLength(pooling, sampling));
    }

    /// <summary>The pooled regions.</summary>
    /// <param name="features">The maps, contiguous.</param>
    /// <returns>[n, channels, rows, columns].</returns>
    public torch.Tensor Forward(torch.Tensor[] features)
    {
        var output = torch.empty([_count, _channels, _pooling.Height, _pooling.Width], torch.ScalarType.Float32);
        var bins = _pooling.Height * _pooling.Width;
        var target = (nint)TensorMemory.First<float>(output);
        var sources = Array.ConvertAll(features, static map => (nint)TensorMemory.First<float>(map));
        LargePages.Advise((void*)target, output.NumberOfElements * sizeof(float));
        var pieces = Pieces(_maps.Where(static map => map.Regions.Length > 0), mayPartRegions: true);
        Run(pieces, (piece, scratch) =>
        {
            var map = piece.Map;
            for (var r = piece.FirstRegion; r < piece.EndRegion; r++)
            {
                var region = map.Regions[r];
                for (var channel = piece.FirstChannel; channel < piece.EndChannel; channel++)
                {
                    var plane = (float*)sources[map.Level] + ((long)map.Image * _channels + channel) * map.Cells;
                    RoiAlignKernel.Forward(_pooling, region, plane, map.Width, (float*)target + ((long)region.Roi * _channels + channel) * bins, (float*)scratch, _vectors);
                }
            }
        });

        GC.KeepAlive(features);
        return output;
    }

    /// <summary>The gradients by the maps.</summary>
    /// <param name="gradient">That by the pooled regions, contiguous.</param>
    /// <param name="wanted">Which maps need theirs.</param>
    /// <returns>One for each map; null where it is not needed.</returns>
    public torch.Tensor?[] Backward(torch.Tensor gradient, bool[] wanted)
    {
        var batch = _maps.Length / wanted.Length;
        var results = wanted.Select((want, level) => want ? torch.empty([batch, _channels, _maps[level * batch].Height, _maps[level * batch].Width], torch.ScalarType.Float32) : null).ToArray();
        var targets = results.Select(static result => result is null ? 0 : (nint)TensorMemory.First<float>(result)).ToArray();
        for (var level = 0; level < results.Length; level++)
        {
            LargePages.Advise((void*)targets[level], (results[level]?.NumberOfElements ?? 0) * sizeof(float));
        }

        // Made here, not by whichever thread comes first.
        foreach (var map in _maps.Where(map => wanted[map.Level]))
        {
            foreach (var region in map.Regions)
            {
                _ = region.WeightsByBin;
            }
        }

        var bins = _pooling.Height * _pooling.Width;
        var source = (nint)TensorMemory.First<float>(gradient);
        var pieces = Pieces(_maps.Where(map => wanted[map.Level]), mayPartRegions: false);
        Run(pieces, (piece, scratch) =>
        {
            var map = piece.Map;
            var planes = (float*)targets[map.Level] + ((long)map.Image * _channels + piece.FirstChannel) * map.Cells;
            NativeMemory.Clear(planes, (nuint)((piece.EndChannel - piece.FirstChannel) * map.Cells * sizeof(float)));
            foreach (var region in map.Regions)
            {
                for (var channel = piece.FirstChannel; channel < piece.EndChannel; channel++)
                {
                    var plane = planes + (channel - piece.FirstChannel) * map.Cells;
                    RoiAlignKernel.Backward(_pooling, region, (float*)source + ((long)region.Roi * _channels + channel) * bins, plane, map.Width, _vectors);
                }
            }
        });

        GC.KeepAlive(gradient);
        return results;
    }

    private List<Piece> Pieces(IEnumerable<Map> maps, bool mayPartRegions)
    {
        var pieces = new List<Piece>();
        foreach (var map in maps)
        {
            var channels = (int)Math.Clamp(MapBytesAtOnce / (map.Cells * sizeof(float)), 1, MostChannelsAtOnce);
            var blocks = (_channels + channels - 1) / channels;
            var wanted = PiecesPerThread * TorchThreads.Count;
            var parts = mayPartRegions && blocks < wanted ? Math.Clamp((wanted + blocks - 1) / blocks, 1, map.Regions.Length) : 1;
            for (var channel = 0; channel < _channels; channel += channels)
            {
                for (var part = 0; part < parts; part++)
                {
                    pieces.Add(new(
                        map,
                        channel,
                        Math.Min(channel + channels, _channels),
                        (int)((long)map.Regions.Length * part / parts),
                        (int)((long)map.Regions.Length * (part + 1) / parts)));
                }
            }
        }

        return pieces;
    }

    private void Run(List<Piece> pieces, Action<Piece, nint> work)
    {
        var numbers = (long)_count * _channels * _pooling.Height * _pooling.Width;
        var worthwhile = KernelSwitch.ForcedThreads > 0 ? int.MaxValue : Math.Max(1, numbers / NumbersPerThread);
        var next = -1;
        TorchThreads.Run(
            () =>
            {
                var scratch = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(_scratch, 1) * sizeof(float), 64);
                try
                {
                    for (var i = Interlocked.Increment(ref next); i < pieces.Count; i = Interlocked.Increment(ref next))
                    {
                        work(pieces[i], scratch);
                    }
                }
                finally
                {
                    NativeMemory.AlignedFree((void*)scratch);
                }
            },
            (int)Math.Min(Math.Min(worthwhile, pieces.Count), TorchThreads.Count));
    }

    /// <summary>One image's map on one level, and the regions that are pooled from it.</summary>
    private sealed record Map(int Level, int Image, int Height, int Width, RoiSampling[] Regions)
    {
        public long Cells => (long)Height * Width;
    }

    private readonly record struct Piece(Map Map, int FirstChannel, int EndChannel, int FirstRegion, int EndRegion);
}
