using IsVit.Runtime;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Runtime;

/// <summary>Calls of a loaded model: what does not fit, cancellation, threads, memory.</summary>
public sealed class RuntimeCallTests : IDisposable
{
    private const int Images = 24;

    private readonly TemporaryFolder _folder = new();
    private readonly string _path;
    private readonly float[] _pixels = Seeded.Normal(3, Images, 3, 16, 16).data<float>().ToArray();

    public RuntimeCallTests() => _path = TinyModel.Save(_folder["model.safetensors"]);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Predict_WhatDoesNotFit_IsNamed()
    {
        var model = RuntimeModel.Load(_path);
        var length = model.InputLength;

        Assert.Contains($"There are {length - 1} numbers; expected a multiple of {length}", Assert.Throws<ArgumentException>("pixels", () => model.Predict(new float[length - 1])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("pixels", () => model.Predict([]));
        Assert.Contains("There is room for 5 outputs; expected 2 images x 3", Assert.Throws<ArgumentException>("outputs", () => model.Predict(new float[2 * length], new float[5])).Message, StringComparison.Ordinal);
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity })
        {
            var pixels = _pixels.AsSpan(0, 2 * length).ToArray();
            pixels[length + 7] = bad;
            Assert.StartsWith("Number 7 of image 1 is", Assert.Throws<ArgumentException>("pixels", () => model.Predict(pixels)).Message, StringComparison.Ordinal);
        }

        Assert.Throws<ArgumentOutOfRangeException>("MaxDegreeOfParallelism", () => RuntimeModel.Load(_path, new() { MaxDegreeOfParallelism = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxDegreeOfParallelism", () => RuntimeModel.Load(_path, new() { MaxDegreeOfParallelism = RuntimeOptions.MostThreads + 1 }));
    }

    [Fact]
    public void Predict_Cancelled_EndsAndTheNextCallAnswers()
    {
        var model = RuntimeModel.Load(_path, new() { MaxDegreeOfParallelism = 2 });
        var expected = model.Predict(_pixels);
        var outputs = new float[expected.Length];
        for (var round = 0; round < 30; round++)
        {
            // Some are cancelled before, some while they run, some too late.
            using var source = new CancellationTokenSource();
            if (round % 3 == 0)
            {
                source.Cancel();
                Assert.ThrowsAny<OperationCanceledException>(() => model.Predict(_pixels, outputs, source.Token));
            }
            else
            {
                source.CancelAfter(TimeSpan.FromMicroseconds(round * 50));
                try
                {
                    model.Predict(_pixels, outputs, source.Token);
                }
                catch (OperationCanceledException e)
                {
                    Assert.Equal(source.Token, e.CancellationToken);
                }
            }

            model.Predict(_pixels, outputs);
            Assert.Equal(expected, outputs);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Predict_EightThreadsAtOnce_AnswerAsOne(bool isSwin)
    {
        var path = isSwin ? TinyModel.Save(_folder["swin.safetensors"], isSwin: true) : _path;
        var expected = RuntimeModel.Load(path, new() { MaxDegreeOfParallelism = 1 }).Predict(_pixels);
        var model = RuntimeModel.Load(path, new() { MaxDegreeOfParallelism = 3 });
        var wrong = 0;
        var threads = Enumerable.Range(0, 8).Select(thread => new Thread(() =>
        {
            var outputs = new float[expected.Length];
            for (var round = 0; round < 20; round++)
            {
                // Batches of 1 to 24: whole images on each worker, and one image on all.
                var first = (thread + round) % Images;
                var count = Math.Min(1 + ((thread * 7) + round) % Images, Images - first);
                var own = outputs.AsSpan(0, count * model.OutputWidth);
                model.Predict(_pixels.AsSpan(first * model.InputLength, count * model.InputLength), own);
                if (!own.SequenceEqual(expected.AsSpan(first * model.OutputWidth, own.Length)))
                {
                    Interlocked.Increment(ref wrong);
                }
            }
        })).ToList();
        threads.ForEach(static thread => thread.Start());
        threads.ForEach(static thread => thread.Join());

        Assert.Equal(0, wrong);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(2, 5)]
    public void Predict_OnceWarm_AllocatesNothing(int threads, int count)
    {
        const int Calls = 300;
        const int BytesOfACall = 64;
        var model = RuntimeModel.Load(_path, new() { MaxDegreeOfParallelism = threads });
        var pixels = _pixels.AsSpan(0, count * model.InputLength).ToArray();
        var outputs = new float[count * model.OutputWidth];
        for (var i = 0; i < Calls; i++)
        {
            model.Predict(pixels, outputs);
        }

        var (own, all) = (GC.GetAllocatedBytesForCurrentThread(), GC.GetTotalAllocatedBytes(precise: true));
        for (var i = 0; i < Calls; i++)
        {
            model.Predict(pixels, outputs);
        }

        // The pool's queue grows by segments, and other threads of the process do what they do.
        (own, all) = (GC.GetAllocatedBytesForCurrentThread() - own, GC.GetTotalAllocatedBytes(precise: true) - all);
        Assert.InRange(own, 0, threads == 1 ? 0 : Calls * BytesOfACall);
        Assert.InRange(all, 0, Calls * 4 * BytesOfACall);
    }

    [Fact]
    public void Best_Outputs_AreOrderedByProbabilityAndIndex()
    {
        var scores = ClassScore.Best([0, 2, 1, 2], ["a", "b", "c"], 3);

        var sum = 1 + Math.E + (2 * Math.E * Math.E);
        Assert.Equal([(1, "b"), (3, null), (2, "c")], scores.Select(static score => (score.Index, score.Name)));
        Assert.Equal([Math.E * Math.E / sum, Math.E * Math.E / sum, Math.E / sum], scores.Select(static score => (double)score.Probability), static (x, y) => Math.Abs(x - y) < 1e-6);
        Assert.Equal(4, ClassScore.Best([0, 2, 1, 2], null, 9).Count);
        Assert.Throws<ArgumentOutOfRangeException>("count", static () => ClassScore.Best([1f], null, 0));
    }

    [Fact]
    public void Classify_AnImage_NamesTheLikeliestFirst()
    {
        var model = RuntimeModel.Load(_path);
        var image = _pixels.AsSpan(0, model.InputLength);
        var outputs = model.Predict(image);
        var powers = outputs.Select(x => Math.Exp(x)).ToArray();

        var scores = model.Classify(image);

        Assert.Equal(Enumerable.Range(0, 3).OrderByDescending(i => outputs[i]), scores.Select(static score => score.Index));
        Assert.All(scores, score => Assert.Equal(new[] { "cat", "dog", "hen" }[score.Index], score.Name));
        Assert.All(scores, score => Assert.Equal(powers[score.Index] / powers.Sum(), score.Probability, 1e-5));
        Assert.Equal(scores.Take(2), model.Classify(image, 2));
        Assert.Throws<ArgumentOutOfRangeException>("count", () => model.Classify(_pixels.AsSpan(0, model.InputLength), 0));
        Assert.Throws<ArgumentException>("pixels", () => model.Classify(_pixels.AsSpan(0, 2 * model.InputLength)));
    }
}
