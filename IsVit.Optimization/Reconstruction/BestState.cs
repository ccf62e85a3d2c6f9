using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>The values of parameters where their loss was smallest, at first those they have.</summary>
internal sealed class BestState : IDisposable
{
    private readonly IReadOnlyList<Tensor> _parameters;
    private readonly Tensor[] _values;

    public BestState(IReadOnlyList<Tensor> parameters)
    {
        _parameters = parameters;
        _values = [.. parameters.Select(static parameter => parameter.detach().clone().DetachFromDisposeScope())];
    }

    public double Loss { get; set; }

    public void Offer(double loss)
    {
        if (!(loss < Loss))
        {
            return;
        }

        Loss = loss;
        using var noGrad = no_grad();
        for (var i = 0; i < _values.Length; i++)
        {
            _values[i].copy_(_parameters[i]);
        }
    }

    public void Restore()
    {
        using var noGrad = no_grad();
        for (var i = 0; i < _values.Length; i++)
        {
            _parameters[i].copy_(_values[i]);
        }
    }

    public void Dispose()
    {
        foreach (var value in _values)
        {
            value.Dispose();
        }
    }
}
