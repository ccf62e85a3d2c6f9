using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.LeastSquares;
using IsVit.Optimization.Observation;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.Graph;
using IsVit.Tests.TestSupport;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.LeastSquares;

public sealed class LayerMomentsTests
{
    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 0)]
    [InlineData(true, 1000)]
    [InlineData(false, 1000)]
    public void Products_TwoForwardsOfALinearLayer_AreTheInputs(bool centred, double mean)
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(6, 2);
        using var moments = new LayerMoments(layer);
        var (first, second) = (Seeded.Normal(1, 3, 5, 6) + mean, Seeded.Normal(2, 7, 6) + mean);

        LayerObserver.Observe(ModelForward.Of(layer), Streams.Batches(first, second), [moments], TestContext.Current.CancellationToken);
        layer.call(second);

        var all = cat([first.view(-1, 6), second]).to(float64);
        var wanted = centred ? all - all.mean([0L], keepdim: true) : all;
        wanted = wanted.transpose(0, 1).matmul(wanted) / 22;
        Assert.Equal(22, moments.Inputs.Count, 1e-9);
        Assert.True((moments.Inputs.Products(centred) - wanted).abs().max().item<double>() < 1e-6 * wanted.abs().max().item<double>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Products_VectorsOfUnequalWeight_AreThoseOfRepeatedVectors(bool centred)
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(6, 2);
        using var weighted = new LayerMoments(layer, tensor(new float[] { 3, 1, 0 }));
        using var repeated = new LayerMoments(layer);
        var inputs = Seeded.Normal(1, 8, 3, 6) + 5;

        LayerObserver.Observe(ModelForward.Of(layer), Streams.Batches(inputs.narrow(0, 0, 5), inputs.narrow(0, 5, 3)), [weighted], TestContext.Current.CancellationToken);
        LayerObserver.Observe(ModelForward.Of(layer), Streams.Batches(inputs.index_select(1, tensor(new long[] { 0, 0, 0, 1 }))), [repeated], TestContext.Current.CancellationToken);

        var (found, wanted) = (weighted.Inputs.Products(centred), repeated.Inputs.Products(centred));
        Assert.True((found - wanted).abs().max().item<double>() < 1e-6 * wanted.abs().max().item<double>());
        Assert.Equal(8 * 16 / 10.0, weighted.Inputs.Count, 1e-9);
    }

    /// <summary>The outputs of a convolution without bias are its weight times the vectors, whose products therefore give the outputs'.</summary>
    [Fact]
    public void Products_Convolution_AreThePatches()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Conv2d(3, 5, kernel_size: (3, 2), stride: (2, 1), padding: (1, 0), dilation: (1, 2), bias: false);
        using var moments = new LayerMoments(layer);

        var images = Seeded.Normal(3, 4, 3, 9, 8);
        LayerObserver.Observe(ModelForward.Of(layer), Streams.Batches(images), [moments], TestContext.Current.CancellationToken);
        var outputs = layer.call(images);

        var rows = outputs.transpose(0, 1).flatten(1).to(float64);
        var weight = layer.weight!.flatten(1).to(float64);
        var found = weight.matmul(moments.Inputs.Products(centred: false)).matmul(weight.transpose(0, 1));
        var wanted = rows.matmul(rows.transpose(0, 1)) / rows.shape[1];
        Assert.Equal(rows.shape[1], moments.Inputs.Count, 1e-9);
        Assert.True((found - wanted).abs().max().item<double>() < 1e-5 * wanted.abs().max().item<double>());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Outputs_QuantizedInputs_AreHeldAgainstWhatTheLayerMakesOfTheUnquantized(bool centred)
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(6, 4);
        using var quantizer = new UniformQuantizer(3, Granularity.Tensor, UniformOptions.Activations);
        var inputs = Seeded.Normal(1, 8, 3, 6) + 5;
        quantizer.Calibrate(inputs);
        using var moments = new LayerMoments(layer, quantizer: quantizer);

        LayerObserver.Observe(ModelForward.Of(layer), Streams.Batches(inputs.narrow(0, 0, 5), inputs.narrow(0, 5, 3)), [moments], TestContext.Current.CancellationToken);

        var x = quantizer.FakeQuantize(inputs).view(-1, 6).to(float64);
        var y = layer.call(inputs).view(-1, 4).to(float64);
        AssertNear(x.mean([0L]), moments.Outputs.MeanX());
        AssertNear(y.mean([0L]), moments.Outputs.MeanY());
        AssertNear(x.mean([0L]), moments.Inputs.MeanX());
        if (centred)
        {
            (x, y) = (x - x.mean([0L]), y - y.mean([0L]));
        }

        AssertNear(x.transpose(0, 1).matmul(y) / 24, moments.Outputs.Products(centred));
        AssertNear(x.transpose(0, 1).matmul(x) / 24, moments.Inputs.Products(centred));
    }

    [Fact]
    public void Serves_LayersWhoseVectorsCanBeHad()
    {
        using var linear = nn.Linear(2, 2);
        using var plain = nn.Conv2d(2, 2, 3);
        using var grouped = nn.Conv2d(2, 2, 3, groups: 2);
        using var reflecting = nn.Conv2d(2, 2, 3, padding: 1, padding_mode: PaddingModes.Reflect);
        using var same = nn.Conv2d(2, 2, 3, padding: Padding.Same);
        using var oneDimensional = nn.Conv1d(2, 2, 3);
        using var norm = nn.LayerNorm(2);

        Assert.Equal(
            [true, true, false, false, false, false, false],
            new nn.Module[] { linear, plain, grouped, reflecting, same, oneDimensional, norm }.Select(LayerMoments.Supports));
    }

    private static void AssertNear(Tensor expected, Tensor actual)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True((actual - expected).abs().max().item<double>() < 1e-5 * expected.abs().max().item<double>());
    }
}
