using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Model.Imaging;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Tests.TestSupport;
using IsVit.Tool.Data;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

public sealed class QuantizedClassifierTests
{
    private static readonly ImagePreprocessing Fashion = ModelCatalog.Find(ModelCatalog.Demo).Preprocessing;

    [Fact]
    public void Open_FileAlone_IsTheModelOnTheDeviceThatOwnsItsModule()
    {
        using var saved = new SavedFashion();
        using (var scope = NewDisposeScope())
        {
            using var fresh = ModelCatalog.Create(ModelCatalog.Demo);
            using var expected = QuantizedModel.Load(saved.Path, fresh);

            using var opened = QuantizedModel.Open(saved.Path, CPU);

            TensorAssert.Identical(expected.Predict(saved.Prepared(0)), opened.Predict(saved.Prepared(0)));
            Assert.Equal(FashionMnist.Classes, opened.Description!.Classes);
            Assert.False(opened.Model.training);
        }

        LiveTensors.AssertNoneLeftBy(() => QuantizedModel.Open(saved.Path).Dispose());
    }

    [Fact]
    public void Open_OtherDevice_HasParametersAndQuantizersThere()
    {
        Assert.SkipUnless(cuda.is_available(), "There is no CUDA device.");
        using var saved = new SavedFashion();
        using var scope = NewDisposeScope();
        using var onCpu = QuantizedClassifier.Open(saved.Path);

        using var classifier = QuantizedClassifier.Open(saved.Path, CUDA);

        Assert.All(classifier.Model.Model.parameters(), static parameter => Assert.Equal(TorchSharp.DeviceType.CUDA, parameter.device_type));
        Assert.Equal(onCpu.Classify(saved.Png(0), 1)[0].Index, classifier.Classify(saved.Png(0), 1)[0].Index);
    }

    /// <summary>Decoding, preparation, softmax, order and names, against tensor operations on the pixels themselves.</summary>
    [Fact]
    public void Classify_EncodedImage_IsSoftmaxOfTheModelsLogitsInOrder()
    {
        using var saved = new SavedFashion();
        using var scope = NewDisposeScope();
        byte[] png = saved.Png(3);

        // snippet: classify
        using var classifier = QuantizedClassifier.Open(saved.Path); // model, preprocessing and names of classes, all from the file
        foreach (var found in classifier.Classify(png, top: 3)) // or a stream
        {
            Console.WriteLine($"{found.Name} {found.Probability}");
        }
        // end

        var all = classifier.Classify(png, 100);
        var expected = classifier.Model.Predict(saved.Prepared(3)).to(ScalarType.Float64).softmax(-1).data<double>().ToArray();
        Assert.Equal(10, all.Count);
        Assert.All(all, found => Assert.Equal(expected[found.Index], found.Probability, 1e-12));
        Assert.All(all, static found => Assert.Equal(FashionMnist.Classes[found.Index], found.Name));
        Assert.Equal(expected.OrderDescending(), all.Select(static found => found.Probability), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(saved.Label(3), all[0].Index);
        Assert.Equal(all.Take(3), classifier.Classify(png, 3));
        Assert.Equal(all.Take(QuantizedClassifier.DefaultTop), classifier.Classify(png));
    }

    [Fact]
    public async Task Classify_Stream_IsAsItsBytes()
    {
        using var saved = new SavedFashion();
        using var classifier = QuantizedClassifier.Open(saved.Path);
        var expected = classifier.Classify(saved.Png(1));
        using var stream = new MemoryStream([7, .. saved.Png(1)]) { Position = 1 };

        var found = classifier.Classify(stream);
        stream.Position = 1;
        var foundLater = await classifier.ClassifyAsync(stream, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(expected, found);
        Assert.Equal(expected, foundLater);
        stream.Position = 1;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => classifier.ClassifyAsync(stream, cancellationToken: new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Classify_SeveralThreads_GivesWhatOneGives()
    {
        using var saved = new SavedFashion();
        using var classifier = QuantizedClassifier.Open(saved.Path);
        var expected = Enumerable.Range(0, 16).Select(i => classifier.Classify(saved.Png(i), 1)[0]).ToList();
        var found = new ClassProbability[expected.Count];

        Parallel.For(0, found.Length, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => found[i] = classifier.Classify(saved.Png(i), 1)[0]);

        Assert.Equal(expected.Select(static f => f.Index), found.Select(static f => f.Index));
        Assert.All(found.Zip(expected), static pair => Assert.Equal(pair.Second.Probability, pair.First.Probability, 1e-5));
    }

    [Fact]
    public void Classify_ManyImages_LeavesNoTensor()
    {
        using var saved = new SavedFashion();
        using var classifier = QuantizedClassifier.Open(saved.Path);

        LiveTensors.AssertNoneLeftBy(() => classifier.Classify(saved.Png(0)));
    }

    [Fact]
    public void Classify_NoImageOrTooLong_SaysSo()
    {
        using var saved = new SavedFashion();
        byte[] png = saved.Png(0);
        byte[] longer = [.. png, 0];
        using var classifier = QuantizedClassifier.Open(saved.Path, decoding: new ImageDecoderOptions { MaxFileBytes = png.Length });

        Assert.Equal(5, classifier.Classify(png).Count);
        Assert.Contains("not a JPEG, PNG, BMP or WebP image", Assert.Throws<ImageException>(() => classifier.Classify("hello"u8.ToArray())).Message, StringComparison.Ordinal);
        Assert.Contains("the file is empty", Assert.Throws<ImageException>(() => classifier.Classify(Stream.Null)).Message, StringComparison.Ordinal);
        Assert.Contains("MaxFileBytes", Assert.Throws<ImageException>(() => classifier.Classify(longer)).Message, StringComparison.Ordinal);
        Assert.Contains("MaxFileBytes", Assert.Throws<ImageException>(() => classifier.Classify(new MemoryStream(longer))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => classifier.Classify(png, 0));
    }

    [Fact]
    public void Open_FileWithoutPreprocessing_AsksForItAndTheConstructorTakesIt()
    {
        using var saved = new SavedFashion(isComplete: false);
        using var complete = new SavedFashion();
        using var expected = QuantizedClassifier.Open(complete.Path);

        var error = Assert.Throws<QuantizationException>(() => QuantizedClassifier.Open(saved.Path));

        Assert.Contains("does not say how images are prepared", error.Message, StringComparison.Ordinal);
        using var model = QuantizedModel.Open(saved.Path);
        using (var classifier = new QuantizedClassifier(model, Fashion))
        {
            Assert.Equal(expected.Classify(saved.Png(2)).Select(static found => found with { Name = null }), classifier.Classify(saved.Png(2)));
        }

        // Not the classifier's own, and so still there.
        using var output = model.Predict(complete.Prepared(0));
        Assert.Equal([1, 10], output.shape);
    }

    [Fact]
    public void Constructor_OtherImagesOrClasses_SaysWhatDiffers()
    {
        using var saved = new SavedFashion();
        using var model = QuantizedModel.Open(saved.Path);

        Assert.Contains("gives 3 channels of 224 pixels; the model takes 1 of 28", Assert.Throws<QuantizationException>(() => new QuantizedClassifier(model, ImagePreprocessing.ImageNet)).Message, StringComparison.Ordinal);
        Assert.Contains("2 names of classes; the model has 10", Assert.Throws<QuantizationException>(() => new QuantizedClassifier(model, Fashion, ["a", "b"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_ModelWithoutHead_SaysThatItHasNoClasses()
    {
        using var folder = new TemporaryFolder();
        using (var scope = NewDisposeScope())
        {
            using var model = Micro.Vit(1, Micro.Options with { ClassCount = 0 });
            using var quantized = Micro.Quantizer(static options => options.Recipe = IsVit.Optimization.Recipes.RecipeNames.MinMax).Run(model, Micro.Images());
            quantized.Description = quantized.Description! with { Preprocessing = ImagePreprocessing.ImageNet with { ImageSize = 32 } };
            quantized.Save(folder["features.safetensors"]);
        }

        Assert.Contains("the model has no head", Assert.Throws<QuantizationException>(() => QuantizedClassifier.Open(folder["features.safetensors"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ClassProbability_AsText_NamesTheClass() =>
        Assert.Equal(("Bag: 0.2500", "class 8: 0.2500"), (new ClassProbability(8, "Bag", 0.25).ToString(), new ClassProbability(8, null, 0.25).ToString()));
}
