using IsVit.Core.Models;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

/// <summary>Runs in one process share libtorch's random generators and the switches of the process, and must not feel each other. <c>IsVit.Benchmarks reliability together</c> does this for all recipes.</summary>
public sealed class SimultaneousRunsTests
{
    [Fact]
    public async Task QuantizeAsync_SeveralAtOnceOneOfThemCancelled_EachEndsAsAlone()
    {
        using var folder = new TemporaryFolder();
        using var images = Micro.Images();
        VisionTransformer[] alone = [Micro.Vit(1), Micro.Vit(2)], together = [Micro.Vit(1), Micro.Vit(2), Micro.Vit(1)];
        for (var i = 0; i < alone.Length; i++)
        {
            using var quantized = Quantizer(i).Run(alone[i], images);
        }

        using var source = new CancellationTokenSource();
        var cancelling = new QuantizationRun { CheckpointDirectory = folder.Path, Progress = new RecordingProgress(report => Cancel(report, source)) };
        var cancelled = Quantizer(0).QuantizeAsync(together[2], images, cancelling, cancellationToken: source.Token);
        var runs = Enumerable.Range(0, alone.Length).Select(i => Quantizer(i).QuantizeAsync(together[i], images, cancellationToken: TestContext.Current.CancellationToken)).ToList();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        runs.Add(Quantizer(0).QuantizeAsync(together[2], images, new QuantizationRun { CheckpointDirectory = folder.Path }, cancellationToken: TestContext.Current.CancellationToken));
        foreach (var run in runs)
        {
            (await run).Dispose();
        }

        using var scope = NewDisposeScope();
        Micro.AssertSame(Micro.Copy(alone[0]), Micro.Copy(together[0]));
        Micro.AssertSame(Micro.Copy(alone[1]), Micro.Copy(together[1]));
        Micro.AssertSame(Micro.Copy(alone[0]), Micro.Copy(together[2]));
        foreach (var model in alone.Concat(together))
        {
            model.Dispose();
        }
    }

    private static void Cancel(QuantizationProgress report, CancellationTokenSource source)
    {
        if (report is { Stage: StageNames.WeightReconstruction, Unit: "blocks.1", Iteration: 3 })
        {
            source.Cancel();
        }
    }

    private static ModelQuantizer Quantizer(int seed) => Micro.Quantizer(options => (options.Seed, options.OutputTuning.Steps, options.Reconstruction.DropProbability) = (seed, 2, 0.5));
}
