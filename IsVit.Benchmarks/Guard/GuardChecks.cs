using IsVit.Benchmarks.Detection;
using IsVit.Benchmarks.Optimization;
using IsVit.Benchmarks.Quantizers;
using IsVit.Benchmarks.Runtime;
using IsVit.Runtime.Products;
using TorchSharp;

namespace IsVit.Benchmarks.Guard;

/// <summary>What is guarded.</summary>
internal static class GuardChecks
{
    private const int Bits = 4;

    /// <summary>The checks that need nothing but a processor.</summary>
    public static IEnumerable<GuardCheck> Cpu()
    {
        foreach (var heap in (HeapState[])[HeapState.Returned, HeapState.Kept])
        {
            foreach (var kind in QuantizerKind.All)
            {
                yield return Kernel($"{kind}: forward, memory there", heap, kind, static work => new(work.CompositionForward, work.ForwardMapped, work));
                yield return Kernel($"{kind}: forward", heap, kind, static work => new(work.CompositionForward, work.Forward, work));
                yield return Kernel($"{kind}: forward and backward", heap, kind, static work => new(work.CompositionBoth, work.Both, work));
            }
        }

        foreach (var type in (torch.ScalarType[])[torch.ScalarType.BFloat16, torch.ScalarType.Float64])
        {
            yield return Kernel($"uniform per tensor, {type}: forward and backward", HeapState.Kept, QuantizerKind.UniformTensor, static work => new(work.CompositionBoth, work.Both, work), type);
        }

        yield return new("unit iteration: activations quantized", HeapState.Kept, static () => Training(UnitShape.DeitTiny, UnitTraining.Activations));
        yield return new("unit iteration: everything quantized", HeapState.Kept, static () => Training(UnitShape.DeitTiny, static shape => UnitTraining.Everything(shape)));
        yield return new("unit iteration: as the third stage runs it", HeapState.Kept, static () => Training(UnitShape.DeitTiny, UnitTraining.AsRun));
        yield return new("calibration of a DeiT-Tiny on 64 images", HeapState.Kept, static () =>
        {
            var work = CalibrationWork.OfDeitTiny();
            return new(work.Forward, work.Calibrate, work);
        });
        yield return new("calibration of a small Mask R-CNN on 16 images", HeapState.Kept, static () =>
        {
            var work = CalibrationWork.OfSmallDetector();
            return new(work.Forward, work.Calibrate, work);
        });

        foreach (var (regions, size) in ((int, int)[])[(1000, 7), (100, 14)])
        {
            yield return new($"RoIAlign, {regions} regions, {size} x {size}: forward", HeapState.Kept, () =>
            {
                var work = new RoiAlignWork(regions, size);
                return new(work.SeparateForward, work.Forward, work);
            });
            yield return new($"RoIAlign, {regions} regions, {size} x {size}: forward and backward", HeapState.Kept, () =>
            {
                var work = new RoiAlignWork(regions, size);
                return new(work.SeparateBoth, work.Both, work);
            });
        }

        foreach (var shape in ProductShape.All.Where(static shape => shape.Name is "qkv" or "fc2"))
        {
            yield return new($"product of 4-bit codes and 4-bit weights, {shape}", HeapState.Kept, () => Product(ProductWork.OfCodes(Tiles.Best, shape, 4, 4)));
            yield return new($"product of 8-bit codes and 8-bit weights, {shape}", HeapState.Kept, () => Product(ProductWork.OfCodes(Tiles.Best, shape, 8, 8)));
            yield return new($"product of 16-bit levels and 8-bit weights, {shape}", HeapState.Kept, () => Product(ProductWork.OfLevels(Tiles.Best, shape)));
        }

        yield return new("product of 4-bit codes and 4-bit weights with 128-bit vectors, fc2", HeapState.Kept, static () =>
        {
            var shape = ProductShape.All.Single(static shape => shape.Name is "fc2");
            var (scalar, vectors) = (ProductWork.OfCodes(Tiles.Scalar, shape, 4, 4), ProductWork.OfCodes(Tiles.Vector128, shape, 4, 4));
            return new(scalar.Integers, vectors.Integers, new Both(scalar, vectors));
        });

        yield return new("suppression of 5 x 1000 boxes", HeapState.Kept, static () =>
        {
            var work = SuppressionWork.Create();
            return new(work.SeparateByLevel, work.ByLevel, work);
        });
    }

    /// <summary>The checks that need a CUDA device: the cost of a pass in copies of the same tensor, of forward and backward beside the formula's, of a unit's step beside the float one's.</summary>
    public static IEnumerable<GuardCheck> Cuda()
    {
        foreach (var kind in QuantizerKind.Compiled)
        {
            foreach (var type in (torch.ScalarType[])[torch.ScalarType.Float32, torch.ScalarType.BFloat16])
            {
                yield return new($"cuda, {type}, {kind}: forward", HeapState.Kept, () =>
                {
                    var work = FakeQuantizationWork.Create(kind, Bits, type, torch.CUDA);
                    return new(Synchronized(work.CopyNew), Synchronized(work.Forward), work);
                });
            }

            yield return new($"cuda, {kind}: forward and backward", HeapState.Kept, () =>
            {
                var work = FakeQuantizationWork.Create(kind, Bits, torch.ScalarType.Float32, torch.CUDA);
                return new(Synchronized(work.CompositionBoth), Synchronized(work.Both), work);
            });
        }

        foreach (var width in (int[])[192, 768])
        {
            var shape = new UnitShape(width, torch.CUDA);
            yield return new($"cuda, width {width}, unit iteration: activations quantized", HeapState.Kept, () => Training(shape, UnitTraining.Activations));
            yield return new($"cuda, width {width}, unit iteration: everything quantized", HeapState.Kept, () => Training(shape, static s => UnitTraining.Everything(s)));
        }
    }

    private static GuardCheck Kernel(string name, HeapState heap, string kind, Func<FakeQuantizationWork, GuardPair> pair, torch.ScalarType type = torch.ScalarType.Float32) =>
        new(heap == HeapState.Kept ? $"{name}, blocks kept" : name, heap, () => pair(FakeQuantizationWork.Create(kind, Bits, type)));

    private static GuardPair Training(UnitShape shape, Func<UnitShape, UnitTraining> create)
    {
        var (unquantized, quantized) = (UnitTraining.Float(shape), create(shape));
        return new(unquantized.Step, quantized.Step, new Both(unquantized, quantized));
    }

    // A launch returns at once: many are timed together.
    private static Action Synchronized(Action work) => () =>
    {
        for (var i = 0; i < 20; i++)
        {
            work();
        }

        torch.cuda.synchronize();
    };

    private sealed record Both(IDisposable First, IDisposable Second) : IDisposable
    {
        public void Dispose()
        {
            First.Dispose();
            Second.Dispose();
        }
    }

    private static GuardPair Product(ProductWork work) => new(work.Floats, work.Integers, work);
}
