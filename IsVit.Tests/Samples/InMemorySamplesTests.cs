using IsVit.Core.Imaging;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Samples;

public sealed class InMemorySamplesTests
{
    public static TheoryData<string, Func<IEnumerable<SampleBatch>>> Wrong => new()
    {
        { "There are no samples", static () => [] },
        { "There are no samples", static () => [new SampleBatch(ones(0, 3))] },
        { "Batch 1 of the samples has 2 inputs, batch 0 has 1", static () => [new SampleBatch(ones(2, 3)), new SampleBatch(ones(2, 3), ones(2))] },
        { "Input 0 of batch 1 of the samples is Float32 [2, 4]", static () => [new SampleBatch(ones(1, 3)), new SampleBatch(ones(2, 4))] },
        { "Input 1 of batch 1 of the samples is Int64 [2]", static () => [new SampleBatch(ones(1, 3), ones(1)), new SampleBatch(ones(2, 3), ones(2, dtype: int64))] },
        { "has no tensor", static () => [new SampleBatch()] },
        { "Input 1 of a batch of samples has shape [3], input 0 [2, 3]", static () => [new SampleBatch(ones(2, 3), ones(3))] },
        { "Input 0 of a batch of samples has shape []", static () => [new SampleBatch(tensor(1f))] },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Create_WrongBatches_SaysWhatIsWrong(string message, Func<IEnumerable<SampleBatch>> batches)
    {
        using var scope = NewDisposeScope();

        var e = Assert.Throws<QuantizationException>(() => new InMemorySamples(batches()));

        Assert.Contains(message, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Create_BatchesOfDifferentSizes_KeepsTheTensorsThatWereGiven()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (ones(3, 2), ones(1, 2));

        using var samples = new InMemorySamples([first, second]);

        Assert.Equal(4, samples.Count);
        Assert.Equal([first, second], samples.Batches.Select(static batch => batch[0]), ReferenceEqualityComparer.Instance);
    }

    [Fact]
    public void Read_ImageSource_HoldsAllImagesUntilDisposed() => LiveTensors.AssertNoneLeftBy(static () =>
    {
        using var pixels = Seeded.Normal(1, 7, 3, 4, 4);
        using var source = new TensorImageSource(pixels.clone());
        using var samples = InMemorySamples.Read(source, batchSize: 3, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal([3, 3, 1], samples.Batches.Select(static batch => batch.Count));
        using var all = cat([.. samples.Batches.Select(static batch => batch[0])]);
        TensorAssert.Identical(pixels, all);
    });

    [Fact]
    public void Read_Cancelled_LeavesNoTensor() => LiveTensors.AssertNoneLeftBy(static () =>
    {
        using var source = new TensorImageSource(ones(4, 3, 2, 2));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();

        Assert.Throws<OperationCanceledException>(() => InMemorySamples.Read(source, 2, cancellationToken: cancelled.Token));
    });
}
