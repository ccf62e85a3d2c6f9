using IsVit.Core.Memory;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>
/// Streams batches through a model unit by unit: every batch's forward halts at a unit's input or output, and later goes on from there. One forward a
/// batch shows every unit's activations, whatever the model does between its units; what is kept in memory is one unit's worth.
/// </summary>
/// <remarks>
/// Batches run without gradients, in the state that the attachment has when they go on: a unit whose weights change while its batches stand at its
/// input goes on with the new ones. Several streams may be open on one attachment; one goes on at a time. After an exception from the model or
/// a cancellation batches may stand at different places: cancelled, the stream can go on to the same place again. Dispose it before the attachment.
/// While batches stand at a unit, no hook may be registered on it: they stand inside its hooks. A batch takes a thread, idle most of the time, for as long
/// as it has begun and not ended, and libtorch gives that thread as many workers as it uses elsewhere.
/// What they would keep for themselves meanwhile, freed memory and buffers for matrix products, they give back when they halt, where libtorch and the C library allow (MKL, glibc).
/// </remarks>
internal sealed class UnitFlow : IDisposable
{
    private readonly GraphAttachment _attachment;
    private readonly List<SuspendedForward> _forwards;
    private readonly IReadOnlyList<Unit> _units;
    private readonly List<Action> _removals = [];
    private int _position = -1;
    private bool _disposed;

    /// <summary>Starts a stream. Nothing runs yet.</summary>
    /// <param name="attachment">The attachment whose graph's units are halted at.</param>
    /// <param name="batches">The model's inputs; they must outlive the stream.</param>
    public UnitFlow(GraphAttachment attachment, IReadOnlyList<SampleBatch> batches)
        : this(attachment, batches, store: null)
    {
    }

    internal UnitFlow(GraphAttachment attachment, IReadOnlyList<SampleBatch> batches, IActivationStore? store)
    {
        ArgumentNullException.ThrowIfNull(attachment);
        ArgumentNullException.ThrowIfNull(batches);
        _attachment = attachment;
        _units = attachment.Graph.Units;
        _forwards = [.. batches.Select(batch => new SuspendedForward(attachment, batch, store))];
    }

    // Halts behind layers of the attachment's graph, each a unit of its own here. They run in this order, each once.
    private UnitFlow(GraphAttachment attachment, IReadOnlyList<SampleBatch> batches, IReadOnlyList<nn.Module<Tensor, Tensor>> layers)
        : this(attachment, batches)
    {
        var units = new List<Unit>();
        foreach (var layer in layers)
        {
            var unit = new Unit(attachment.Graph.Modules.First(entry => ReferenceEquals(entry.Value, layer)).Key);
            units.Add(unit);
            _removals.Add(layer.register_forward_hook((_, _, output) =>
            {
                SuspendedForward.Current?.AtBoundary(attachment, unit, UnitBoundary.Output, PackedTensors.Of(output));
                return null!;
            }).remove);
        }

        _units = units;
    }

    /// <summary>Lets go of the threads of a stream that nobody disposed. A constructor that threw leaves none.</summary>
#pragma warning disable MA0055 // Nothing but a finalizer knows that nobody will dispose it.
    ~UnitFlow() => _forwards?.ForEach(static forward => forward.Abandon());
#pragma warning restore MA0055

    /// <summary>The threads that batches stand on.</summary>
    internal IEnumerable<Thread> Threads => _forwards.Select(static forward => forward.Thread).OfType<Thread>();

    /// <summary>Starts a stream that halts behind layers instead of units.</summary>
    /// <param name="attachment">The attachment.</param>
    /// <param name="batches">The model's inputs; they must outlive the stream.</param>
    /// <param name="layers">Layers of the attachment's graph in the order in which they run.</param>
    internal static UnitFlow OfLayers(GraphAttachment attachment, IReadOnlyList<SampleBatch> batches, IReadOnlyList<nn.Module<Tensor, Tensor>> layers) => new(attachment, batches, layers);

    /// <summary>Goes on until every batch stands behind a layer.</summary>
    /// <param name="layer">The number of the present layer of <see cref="OfLayers"/> or one behind it.</param>
    /// <param name="cancellationToken">Looked at between batches.</param>
    /// <returns>What flows out of the layer, one tensor a batch, and flows on as it then is.</returns>
    internal IReadOnlyList<Tensor> AdvanceToLayer(int layer, CancellationToken cancellationToken) => [.. Advance(_units[layer], UnitBoundary.Output, cancellationToken).Select(static output => output.Tensors[0])];

    /// <summary>Goes on until every batch stands before a unit.</summary>
    /// <param name="unit">The unit before which the batches stand already, or one behind the present one.</param>
    /// <param name="cancellationToken">Looked at between batches.</param>
    /// <returns>What flows into the unit for each batch, packed in an array of its arguments; valid until the stream goes on.</returns>
    /// <exception cref="ArgumentException">The graph has no such unit, or the stream is past its input.</exception>
    /// <exception cref="QuantizationException">A batch's forward ended before the unit.</exception>
    public IReadOnlyList<PackedTensors> AdvanceToInput(Unit unit, CancellationToken cancellationToken = default) =>
        Advance(unit, UnitBoundary.Input, cancellationToken);

    /// <summary>Goes on until every batch stands behind a unit.</summary>
    /// <param name="unit">The present unit or one behind it.</param>
    /// <param name="cancellationToken">Looked at between batches.</param>
    /// <returns>What flows out of the unit for each batch; valid until the stream goes on.</returns>
    /// <exception cref="ArgumentException">The graph has no such unit, or the stream is past it.</exception>
    /// <exception cref="QuantizationException">A batch's forward ended before the unit did.</exception>
    public IReadOnlyList<PackedTensors> AdvanceToOutput(Unit unit, CancellationToken cancellationToken = default) =>
        Advance(unit, UnitBoundary.Output, cancellationToken);

    /// <summary>Abandons what has not run to its end.</summary>
    public void Dispose()
    {
        _disposed = true;
        GC.SuppressFinalize(this);
        var left = _attachment.LeftCount;
        _forwards.ForEach(static forward => forward.Dispose());
        _attachment.JoinLeft(left);
        _forwards.Clear();
        _removals.ForEach(static remove => remove());
        _removals.Clear();
    }

    /// <summary>Goes on until every batch stands behind a unit, whose forward still holds its input.</summary>
    internal (IReadOnlyList<PackedTensors> Inputs, IReadOnlyList<PackedTensors> Outputs) AdvanceThrough(Unit unit, CancellationToken cancellationToken)
    {
        var outputs = Advance(unit, UnitBoundary.Output, cancellationToken);
        return ([.. _forwards.Select(static forward => forward.At(UnitBoundary.Input))], outputs);
    }

    private List<PackedTensors> Advance(Unit unit, UnitBoundary boundary, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(unit);
        ObjectDisposedException.ThrowIf(_disposed, this);
        ObjectDisposedException.ThrowIf(_attachment.IsDisposed, _attachment);
        var index = _units.ToList().FindIndex(known => ReferenceEquals(known, unit));
        if (index < 0)
        {
            throw new ArgumentException($"'{unit.Path}' is no unit of this stream's graph, whose units are {string.Join(", ", _units.Select(static known => $"'{known.Path}'"))}.", nameof(unit));
        }

        var position = (2 * index) + (int)boundary;
        if (position < _position)
        {
            throw new ArgumentException($"The stream has passed the {(boundary == UnitBoundary.Input ? "input" : "output")} of unit '{unit.Path}', and stands at unit '{_units[_position / 2].Path}'.", nameof(unit));
        }

        _position = position;
        NativeHeap.ReturnFreed(_forwards.Count == 0 ? 0 : _forwards.Max(static forward => forward.Elements));
        var values = new List<PackedTensors>(_forwards.Count);
        foreach (var forward in _forwards)
        {
            cancellationToken.ThrowIfCancellationRequested();
            forward.Advance(unit, boundary, cancellationToken);
            values.Add(forward.At(boundary));
        }

        return values;
    }
}
