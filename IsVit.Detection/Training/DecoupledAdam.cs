using IsVit.Core.Arithmetic;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Detection.Training;

/// <summary>Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101), whose steps begin with shortening the gradient.</summary>
internal sealed class DecoupledAdam : IDisposable
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;

    private readonly (Parameter Values, double Decay)[] _trained;
    private readonly torch.Tensor[] _mean;
    private readonly torch.Tensor[] _square;
    private readonly int[] _steps;

    /// <param name="module">What is trained.</param>
    /// <param name="weightDecay">The decay of matrices and kernels; all else has none.</param>
    public DecoupledAdam(torch.nn.Module module, double weightDecay)
    {
        _trained = [.. module.named_parameters().Where(static entry => entry.parameter.requires_grad).Select(entry => (entry.parameter, Decays(entry.name, entry.parameter) ? weightDecay : 0))];
        _mean = Array.ConvertAll(_trained, static entry => torch.zeros_like(entry.Values).DetachFromDisposeScope());
        _square = Array.ConvertAll(_trained, static entry => torch.zeros_like(entry.Values).DetachFromDisposeScope());
        _steps = new int[_trained.Length];
    }

    /// <summary>Changes the parameters by their gradients, which are zero afterwards. A parameter without one stays.</summary>
    /// <param name="learningRate">How far.</param>
    /// <param name="longest">The largest norm of the gradient of all parameters.</param>
    public void Step(double learningRate, double longest)
    {
        using var outer = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var gradients = Array.ConvertAll(_trained, static entry => entry.Values.grad);
        var present = gradients.OfType<torch.Tensor>().ToList();
        if (present.Count == 0)
        {
            return;
        }

        var norm = torch.stack([.. present.Select(static gradient => gradient.Squared().sum())]).sum().sqrt().item<float>();
        var factor = norm > longest ? longest / norm : 1;
        using var newSquare = (1 - Beta2).ToScalar();
        for (var i = 0; i < _trained.Length; i++)
        {
            if (gradients[i] is not { } gradient)
            {
                continue;
            }

            using var scope = torch.NewDisposeScope();
            var (values, decay) = _trained[i];
            _steps[i]++;
            var correction2 = Math.Sqrt(1 - Math.Pow(Beta2, _steps[i]));
            using var step = (-learningRate / (1 - Math.Pow(Beta1, _steps[i]))).ToScalar();
            if (factor < 1)
            {
                gradient.TimesInPlace(factor);
            }

            if (decay > 0)
            {
                values.TimesInPlace(1 - (learningRate * decay));
            }

            _mean[i].lerp_(gradient, 1 - Beta1);
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

    private static bool Decays(string name, Parameter parameter) => parameter.dim() > 1 && !name.EndsWith("relative_position_bias_table", StringComparison.Ordinal);
}
