using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>Lets gradients reach only the given parameters of a model until disposed, then gives each parameter its own setting back.</summary>
internal sealed class TrainableScope : IDisposable
{
    private readonly List<(Parameter Parameter, bool RequiresGrad)> _before;

    public TrainableScope(nn.Module model, IReadOnlyCollection<Parameter> trainable)
    {
        _before = [.. model.parameters().Select(static parameter => (parameter, parameter.requires_grad))];
        var wanted = trainable.ToHashSet<Parameter>(ReferenceEqualityComparer.Instance);
        foreach (var (parameter, _) in _before)
        {
            parameter.requires_grad = wanted.Contains(parameter);
        }
    }

    public void Dispose()
    {
        foreach (var (parameter, requiresGrad) in _before)
        {
            if (parameter.IsInvalid)
            {
                continue;
            }

            parameter.grad?.Dispose();
            parameter.grad = null;
            parameter.requires_grad = requiresGrad;
        }
    }
}
