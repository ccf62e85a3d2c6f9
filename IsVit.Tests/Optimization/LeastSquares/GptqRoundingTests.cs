using IsVit.Model.Quantization;
using IsVit.Optimization.LeastSquares;
using IsVit.Quantizers.Uniform;
using IsVit.Tests.TestSupport;
using static TorchSharp.torch;

namespace IsVit.Tests.Optimization.LeastSquares;

public sealed class GptqRoundingTests
{
    private const long Vectors = 400;

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Apply_CorrelatedInputs_OutputsAreNearerThanWithTheNearestCodes(int bits)
    {
        using var scope = NewDisposeScope();
        var (x, weight) = (Correlated(96), Seeded.Normal(1, 24, 96));
        using var quantizer = Calibrated(weight, bits, Granularity.Channel(0));

        var compensated = GptqRounding.Apply(weight, Products(x), Vectors, quantizer);

        double Error(Tensor rounded) => (rounded - weight).to(float64).matmul(x.transpose(0, 1)).pow(2).mean().item<double>();
        var (nearest, found) = (Error(quantizer.FakeQuantize(weight)), Error(quantizer.FakeQuantize(compensated)));
        Assert.True(found < 0.7 * nearest, $"{found} against {nearest}.");
    }

    [Fact]
    public void Apply_UncorrelatedInputs_WeightsStayAsTheyAre()
    {
        using var scope = NewDisposeScope();
        var weight = Seeded.Normal(2, 5, 130);
        using var quantizer = Calibrated(weight, 3, Granularity.Channel(0));

        var compensated = GptqRounding.Apply(weight, eye(130, dtype: float64), Vectors, quantizer);

        Assert.True(compensated.equal(weight).all().item<bool>());
    }

    /// <summary>A layer whose inputs are always zero gives its bias, whatever its weights are.</summary>
    [Fact]
    public void Apply_InputsThatAreAlwaysZero_WeightsStayAsTheyAre()
    {
        using var scope = NewDisposeScope();
        var weight = Seeded.Normal(2, 5, 30);
        using var quantizer = Calibrated(weight, 3, Granularity.Channel(0));

        var compensated = GptqRounding.Apply(weight, zeros(30, 30, dtype: float64), Vectors, quantizer);

        Assert.True(compensated.equal(weight).all().item<bool>());
    }

    /// <summary>Products of float32 numbers may miss being those of any vectors by more than the damping makes up for.</summary>
    [Fact]
    public void Apply_ProductsOfNoVectors_AreDampedMoreAndStillServe()
    {
        using var scope = NewDisposeScope();
        const int inputs = 40;
        var (x, weight) = (Correlated(inputs), Seeded.Normal(3, 4, inputs));
        var direction = Seeded.Normal(4, inputs, 1).to(float64);
        var products = Products(x) - (direction.matmul(direction.transpose(0, 1)) * (0.1 * Products(x).diagonal().mean().item<double>()));
        using var quantizer = Calibrated(weight, 3, Granularity.Channel(0));
        Assert.True(linalg.eigvalsh(products).min().item<double>() < -0.12 * products.diagonal().mean().item<double>());

        var compensated = GptqRounding.Apply(weight, products, Vectors, quantizer);

        double Error(Tensor rounded) => (rounded - weight).to(float64).matmul(x.transpose(0, 1)).pow(2).mean().item<double>();
        Assert.InRange(Error(quantizer.FakeQuantize(compensated)), 0, Error(quantizer.FakeQuantize(weight)));
    }

    /// <summary>After each input's rounding the weights not yet rounded have to be the least-squares answer to it, which is solved here anew for every input.</summary>
    [Fact]
    public void Apply_EveryInput_IsMadeUpForByTheInputsBehindIt()
    {
        using var scope = NewDisposeScope();
        const int inputs = 70;
        var (x, weight) = (Correlated(inputs), Seeded.Normal(3, 4, inputs));
        var products = Products(x);
        using var quantizer = Calibrated(weight, 3, Granularity.Channel(0));

        var found = GptqRounding.Apply(weight, products, Vectors, quantizer);

        var order = products.diagonal().argsort(descending: true);
        var damped = products + (products.diagonal().mean() * (0.01 + (inputs / (double)Vectors)) * eye(inputs, dtype: float64));
        var h = damped.index_select(0, order).index_select(1, order);
        var w = weight.to(float64).index_select(1, order);
        for (long i = 0; i < inputs - 1; i++)
        {
            var error = w.narrow(1, i, 1) - quantizer.FakeQuantize(w.narrow(1, i, 1).to(float32)).to(float64);
            var left = inputs - 1 - i;
            var answer = linalg.solve(h.narrow(0, i + 1, left).narrow(1, i + 1, left), h.narrow(0, i + 1, left).narrow(1, i, 1));
            w.narrow(1, i + 1, left).add_(error.matmul(answer.transpose(0, 1)));
        }

        var expected = w.index_select(1, order.argsort());
        Assert.True((found.to(float64) - expected).abs().max().item<double>() < 1e-5 * expected.abs().max().item<double>());
    }

    [Fact]
    public void Apply_ConvolutionWeight_IsRoundedAsTheMatrixOfItsPatches()
    {
        using var scope = NewDisposeScope();
        var (x, weight) = (Correlated(3 * 4 * 4), Seeded.Normal(4, 6, 3 * 4 * 4));
        using var quantizer = Calibrated(weight, 4, Granularity.Channel(0));
        using var four = Calibrated(weight.view(6, 3, 4, 4), 4, Granularity.Channel(0));

        var matrix = GptqRounding.Apply(weight, Products(x), Vectors, quantizer);
        var kernel = GptqRounding.Apply(weight.view(6, 3, 4, 4), Products(x), Vectors, four);

        Assert.Equal([6, 3, 4, 4], kernel.shape);
        Assert.True(kernel.flatten(1).equal(matrix).all().item<bool>());
    }

    [Fact]
    public void Apply_FewVectors_AreTrustedLess()
    {
        using var scope = NewDisposeScope();
        var (x, weight) = (Correlated(64), Seeded.Normal(5, 8, 64));
        using var quantizer = Calibrated(weight, 3, Granularity.Tensor);
        var products = Products(x);

        double Moved(long count) => (GptqRounding.Apply(weight, products, count, quantizer) - weight).abs().mean().item<float>();

        Assert.True(Moved(8) < 0.5 * Moved(Vectors), $"{Moved(8)} against {Moved(Vectors)}.");
    }

    [Theory]
    [InlineData("tensor", true)]
    [InlineData("channel:0", true)]
    [InlineData("channel:-2", true)]
    [InlineData("channel:1", false)]
    [InlineData("channel:-1", false)]
    public void Serves_ScalesAlongTheInputs_No(string granularity, bool expected)
    {
        using var weight = zeros(3, 5);
        using var quantizer = new UniformQuantizer(4, Granularity.Parse(granularity), UniformOptions.Weights);

        Assert.Equal(expected, GptqRounding.Supports(quantizer, weight));
    }

    private static UniformQuantizer Calibrated(Tensor weight, int bits, Granularity granularity)
    {
        var quantizer = new UniformQuantizer(bits, granularity, UniformOptions.Weights with { RangeObserver = RangeObserver.Mse });
        quantizer.Calibrate(weight);
        return quantizer;
    }

    // Every input is a mixture of few sources and some noise of its own, as activations are.
    private static Tensor Correlated(long inputs) =>
        (Seeded.Normal(11, Vectors, 12).matmul(Seeded.Normal(12, 12, inputs)) + (0.3 * Seeded.Normal(13, Vectors, inputs))).to(float64);

    private static Tensor Products(Tensor x) => x.transpose(0, 1).matmul(x) / x.shape[0];
}
