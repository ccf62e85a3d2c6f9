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
            switch (module)
            {
                case nn.Module<Tensor, Tensor> one:
                    _removals.Add(one.register_forward_hook((_, _, y) =>
                    {
                        token.ThrowIfCancellationRequested();
                        return y;
                    }).remove);
                    break;
                case nn.Module<Tensor, Tensor, Tensor> two:
                    _removals.Add(two.register_forward_hook((_, _, _, y) =>
                    {
                        token.ThrowIfCancellationRequested();
                        return y;
                    }).remove);
                    break;
            }
        }
    }

    public void Dispose()
    {
        _removals.ForEach(static remove => remove());
        _removals.Clear();
    }
}
