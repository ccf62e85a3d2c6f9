using IsVit.Core.Arithmetic;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Adam without weight decay (Kingma and Ba, arXiv 1412.6980) whose learning rate falls to 0 along a cosine (Loshchilov and Hutter, arXiv 1608.03983).</summary>
internal sealed class CosineAdam : IDisposable
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;
    private readonly IReadOnlyList<(Tensor Values, double LearningRate)> _trained;
    private readonly Tensor[] _mean;
    private readonly Tensor[] _square;
    private readonly int _steps;
    private int _step;

    /// <param name="trained">What is trained, each with its learning rate at the first step.</param>
    /// <param name="steps">The steps until the learning rate is 0.</param>
    public CosineAdam(IReadOnlyList<(Tensor Values, double LearningRate)> trained, int steps)
    {
        _trained = trained;
        _steps = steps;
        _mean = [.. trained.Select(static entry => zeros_like(entry.Values).DetachFromDisposeScope())];
        _square = [.. trained.Select(static entry => zeros_like(entry.Values).DetachFromDisposeScope())];
    }

    public void Step()
    {
        using var noGrad = no_grad();
        var decay = 0.5 * (1 + Math.Cos(Math.PI * _step / _steps));
        _step++;
        var correction1 = 1 - Math.Pow(Beta1, _step);
        var correction2 = Math.Sqrt(1 - Math.Pow(Beta2, _step));
        using var newSquare = (1 - Beta2).ToScalar();
        for (var i = 0; i < _trained.Count; i++)
        {
            var (values, learningRate) = _trained[i];
            if (values.grad is not { } gradient)
            {
                continue;
            }

            using var scope = NewDisposeScope();
            using var step = (-learningRate * decay / correction1).ToScalar();
            _mean[i].lerp_(gradient, (1 - Beta1));
            _square[i].TimesInPlace(Beta2).addcmul_(gradient, gradient, newSquare);
            values.addcdiv_(_mean[i], _square[i].sqrt().OverInPlace(correction2).PlusInPlace(Epsilon), step);
            gradient.zero_();
        }
    }

    public void Dispose()
    {
        foreach (var tensor in _mean.Concat(_square))
        {
            tensor.Dispose();
        }
    }
}
