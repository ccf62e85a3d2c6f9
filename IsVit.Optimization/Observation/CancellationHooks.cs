using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Optimization.Observation;

/// <summary>Lets a forward stop behind the module that runs once a token is cancelled, for as long as this is not disposed.</summary>
internal sealed class CancellationHooks : IDisposable
{
    private readonly List<Action> _removals = [];

    public CancellationHooks(ModuleGraph graph, CancellationToken token)
    {
        if (!token.CanBeCanceled)
        {
            return;
        }

        foreach (var module in graph.Modules.Values)
        {
            if (OutputHook.Add(module, Look) is { } removal)
            {
                _removals.Add(removal);
            }
        }

        IReadOnlyList<Tensor>? Look(IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor> outputs)
        {
            token.ThrowIfCancellationRequested();
            return null;
        }
    }

    public void Dispose()
    {
        _removals.ForEach(static remove => remove());
        _removals.Clear();
    }
}
