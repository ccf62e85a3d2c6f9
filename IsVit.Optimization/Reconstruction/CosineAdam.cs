using IsVit.Core.Arithmetic;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>Adam without weight decay (Kingma and Ba, arXiv 1412.6980) whose learning rate falls to 0 along a cosine (Loshchilov and Hutter, arXiv 1608.03983).</summary>
internal sealed class CosineAdam : IDisposable
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;
    private readonly IReadOnlyList<Parameter> _parameters;
    private readonly Tensor[] _mean;
    private readonly Tensor[] _square;
    private readonly double _learningRate;
    private readonly int _steps;
    private int _step;

    public CosineAdam(IReadOnlyList<Parameter> parameters, double learningRate, int steps)
    {
        _parameters = parameters;
        _learningRate = learningRate;
        _steps = steps;
        _mean = [.. parameters.Select(static parameter => zeros_like(parameter).DetachFromDisposeScope())];
        _square = [.. parameters.Select(static parameter => zeros_like(parameter).DetachFromDisposeScope())];
    }

    public void Step()
    {
        using var noGrad = no_grad();
        var rate = _learningRate * 0.5 * (1 + Math.Cos(Math.PI * _step / _steps));
        _step++;
        var correction1 = 1 - Math.Pow(Beta1, _step);
        var correction2 = Math.Sqrt(1 - Math.Pow(Beta2, _step));
        using var newSquare = (1 - Beta2).ToScalar();
        using var step = (-rate / correction1).ToScalar();
        for (var i = 0; i < _parameters.Count; i++)
        {
            if (_parameters[i].grad is not { } gradient)
            {
                continue;
            }

            using var scope = NewDisposeScope();
            _mean[i].lerp_(gradient, (1 - Beta1));
            _square[i].TimesInPlace(Beta2).addcmul_(gradient, gradient, newSquare);
            _parameters[i].addcdiv_(_mean[i], _square[i].sqrt().OverInPlace(correction2).PlusInPlace(Epsilon), step);
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
