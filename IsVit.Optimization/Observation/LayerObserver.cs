using IsVit.Core.Graph;
using IsVit.Core.Samples;
using static TorchSharp.torch;

namespace IsVit.Optimization.Observation;

/// <summary>Sees what flows into and out of a layer while a unit runs.</summary>
internal abstract class LayerObserver(nn.Module<Tensor, Tensor> layer)
{
    /// <summary>The layer.</summary>
    public nn.Module<Tensor, Tensor> Layer => layer;

    /// <summary>Runs a model on each of the batches, seen by the observers, whose hooks are gone afterwards.</summary>
    public static void Observe(ModelForward model, IReadOnlyList<SampleBatch> batches, IReadOnlyList<LayerObserver> observers, CancellationToken cancellationToken) =>
        Observe(batches, batch => model.Run(batch), observers, cancellationToken);

    /// <summary>Runs a unit on each of the inputs, likewise.</summary>
    public static void Observe(nn.Module unit, IReadOnlyList<PackedTensors> inputs, IReadOnlyList<LayerObserver> observers, CancellationToken cancellationToken)
    {
        var module = TypedModule.TryOf(unit)!;
        Observe(inputs, input => module.Run(input), observers, cancellationToken);
    }

    private static void Observe<T>(IReadOnlyList<T> inputs, Action<T> forward, IReadOnlyList<LayerObserver> observers, CancellationToken cancellationToken)
    {
        var removals = observers.Select(static observer => observer.Attach()).ToList();
        try
        {
            foreach (var input in inputs)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                forward(input);
            }
        }
        finally
        {
            removals.ForEach(static remove => remove());
        }
    }

    /// <summary>Told of every call of the layer while it is observed.</summary>
    protected abstract void See(Tensor input, Tensor output);

    private Action Attach() => layer.register_forward_hook((_, input, output) =>
    {
        See(input, output);
        return null!;
    }).remove;
}
