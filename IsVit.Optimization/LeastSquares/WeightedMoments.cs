using IsVit.Core.Arithmetic;
using IsVit.Optimization.Observation;
using static TorchSharp.torch;

namespace IsVit.Optimization.LeastSquares;

/// <summary>Weighted means of the rows of two matrices and of their products, over several of them, in float64.</summary>
internal sealed class WeightedMoments : IDisposable
{
    private readonly ShiftedSum _x = new();
    private readonly ShiftedSum _y = new();
    private readonly RunningSum _products = new();
    private double _weight;
    private double _squaredWeight;

    /// <summary>How many rows of equal weight would tell as much as those that were seen (Kish's effective sample size).</summary>
    public double Count => _weight * _weight / _squaredWeight;

    /// <param name="x">[rows, n].</param>
    /// <param name="y">[rows, m].</param>
    /// <param name="weights">[rows, 1].</param>
    public void Add(Tensor x, Tensor y, Tensor weights)
    {
        using var scope = NewDisposeScope();
        var shiftedX = _x.Shift(x, weights);
        var shiftedY = ReferenceEquals(x, y) ? shiftedX : _y.Shift(y, weights);
        var weightedX = shiftedX * weights;
        _x.Add(weightedX.sum(0L, type: float64));
        if (!ReferenceEquals(x, y))
        {
            _y.Add((shiftedY * weights).sum(0L, type: float64));
        }

        _products.Add(weightedX.transpose(0, 1).mm(shiftedY).to(float64));
        _weight += weights.sum().to(float64).item<double>();
        _squaredWeight += weights.Squared().sum().to(float64).item<double>();
    }

    /// <summary>The mean of x, [n].</summary>
    public Tensor MeanX() => _x.Mean(_weight);

    /// <summary>The mean of y, [m].</summary>
    public Tensor MeanY() => (_y.Value is null ? _x : _y).Mean(_weight);

    /// <summary>The mean product of every number of x with every number of y, [n, m].</summary>
    /// <param name="centred">Whether around the means.</param>
    public Tensor Products(bool centred)
    {
        using var scope = NewDisposeScope();
        var y = _y.Value is null ? _x : _y;
        var products = _products.Value!.Over(_weight) - outer(_x.Value!.Over(_weight), y.Value!.Over(_weight));
        if (!centred)
        {
            products = products.Plus(outer(MeanX(), MeanY()));
        }

        return scope.MoveToOuter(products);
    }

    public void Dispose()
    {
        _x.Dispose();
        _y.Dispose();
        _products.Dispose();
    }

    private sealed class ShiftedSum : IDisposable
    {
        private readonly RunningSum _sum = new();

        // A number near the mean, taken off every row: what is left keeps its digits where the mean is large and the differences are small.
        private Tensor? _shift;

        public Tensor? Value => _sum.Value;

        public Tensor Shift(Tensor rows, Tensor weights)
        {
            _shift ??= ((rows * weights).sum(0L) / weights.sum()).DetachFromDisposeScope();
            return rows - _shift;
        }

        public void Add(Tensor values) => _sum.Add(values);

        public Tensor Mean(double weight) => Value!.Over(weight).Plus(_shift!);

        public void Dispose()
        {
            _shift?.Dispose();
            _sum.Dispose();
        }
    }
}
