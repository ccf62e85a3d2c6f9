using IsVit.Optimization;
using IsVit.Tests.TestSupport;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization;

public sealed class QuantizedModelTests
{
    /// <summary>A model that came in training mode, as a new module is: dropout and moving statistics would show at once.</summary>
    [Fact]
    public void Predict_ModelThatCameInTrainingMode_ThreadsDoNotMeetItsDropoutNorMoveItsStatistics()
    {
        using var scope = NewDisposeScope();
        using var model = InTraining();
        var images = Seeded.Normal(1, 32, 6);
        using var quantized = Micro.Quantizer().Run(model, images);
        var expected = quantized.Predict(images);
        var parameters = Micro.Copy(model);

        Assert.All(model.modules(), static module => Assert.False(module.training));
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = TestContext.Current.CancellationToken }, thread =>
        {
            for (var call = 0; call < 40; call++)
            {
                using var inner = NewDisposeScope();
                using var noGrad = no_grad();
                TensorAssert.Identical(expected, thread % 2 == 0 ? quantized.Predict(images) : model.call(images));
            }
        });
        Micro.AssertSame(parameters, Micro.Copy(model));
    }

    [Fact]
    public void Predict_AfterTheCallerTrained_IsInEvaluationModeAgain()
    {
        using var scope = NewDisposeScope();
        using var model = InTraining();
        var images = Seeded.Normal(1, 32, 6);
        using var quantized = Micro.Quantizer().Run(model, images);
        var expected = quantized.Predict(images);

        var dropout = (nn.Module)model[1];
        dropout.train();

        TensorAssert.Identical(expected, quantized.Predict(images));
        Assert.False(dropout.training);
    }

    [Fact]
    public void Load_ModelInTrainingMode_IsInEvaluationModeFromThenOn()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = InTraining();
        var images = Seeded.Normal(1, 32, 6);
        using var quantized = Micro.Quantizer().Run(model, images);
        quantized.Save(folder["model.safetensors"]);

        using var other = InTraining();
        using var loaded = QuantizedModel.Load(folder["model.safetensors"], other);

        TensorAssert.Identical(quantized.Predict(images), Micro.Call(other, images));
    }

    [Fact]
    public void Save_Stream_IsWhatTheFileHolds()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var model = InTraining();
        using var quantized = Micro.Quantizer().Run(model, Seeded.Normal(1, 32, 6));
        using var stream = new MemoryStream();
        stream.Write([1, 2, 3]);
        var metadata = new Dictionary<string, string> { ["name"] = "small" };

        quantized.Save(stream, metadata);
        quantized.Save(folder["model.safetensors"], metadata);

        Assert.Equal([1, 2, 3, .. File.ReadAllBytes(folder["model.safetensors"])], stream.ToArray());
    }

    private static Sequential InTraining()
    {
        var model = nn.Sequential(("first", nn.Linear(6, 16)), ("dropout", nn.Dropout(0.5)), ("norm", nn.BatchNorm1d(16)), ("second", nn.Linear(16, 4)));
        Micro.Enliven(model, 5);
        model.train();
        return model;
    }
}
