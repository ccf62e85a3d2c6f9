using System.Runtime.ExceptionServices;
using IsVit.Core.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>
/// One batch's forward through a model, on a thread of its own, that halts where it is told and goes on when it is told. A forward is ordinary code
/// with the activations in its local variables, so a thread is what can stand still in the middle of it. Fibers take turns; two never run at once.
/// </summary>
internal sealed class Fiber : IDisposable
{
    [ThreadStatic]
    private static Fiber? s_current;

    private readonly GraphAttachment _attachment;
    private readonly Tensor _batch;
    private readonly SemaphoreSlim _resume = new(0);
    private readonly SemaphoreSlim _halted = new(0);
    private readonly Thread _thread;
    private Unit? _haltUnit;
    private UnitBoundary _haltBoundary;
    private Tensor? _value;
    private Exception? _error;
    private bool _abandoned;
    private bool _done;

    public Fiber(GraphAttachment attachment, Tensor batch)
    {
        _attachment = attachment;
        _batch = batch;
        _thread = new Thread(Run, 16 << 20) { IsBackground = true, Name = "IsVit unit flow" };
        _thread.Start();
    }

    public static Fiber? Current => s_current;

    /// <summary>Goes on to a unit's boundary, or to the end. The returned tensor stays valid until the next call.</summary>
    public Tensor Advance(Unit? unit, UnitBoundary boundary)
    {
        if (_done)
        {
            throw new InvalidOperationException("The forward has ended.");
        }

        _haltUnit = unit;
        _haltBoundary = boundary;
        _resume.Release();
        _halted.Wait();
        if (_error is not null)
        {
            ExceptionDispatchInfo.Throw(_error);
        }

        return _done && unit is not null
            ? throw new QuantizationException($"The forward ended without reaching unit '{unit.Path}', or reached it earlier than the traced forward did; a graph must run its units in one order.")
            : _value!;
    }

    public void AtBoundary(GraphAttachment attachment, Unit unit, UnitBoundary boundary, Tensor value)
    {
        if (!ReferenceEquals(attachment, _attachment) || !ReferenceEquals(unit, _haltUnit) || boundary != _haltBoundary)
        {
            return;
        }

        _value = value;
        _halted.Release();
        _resume.Wait();
        if (_abandoned)
        {
            throw new OperationCanceledException("The stream was disposed.");
        }
    }

    public void Dispose()
    {
        if (!_done)
        {
            _abandoned = true;
            _resume.Release();
        }

        _thread.Join();
        _value = null;
        _resume.Dispose();
        _halted.Dispose();
    }

    private void Run()
    {
        _resume.Wait();
        if (_abandoned)
        {
            return;
        }

        s_current = this;
        try
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            _attachment.Graph.Model.call(_batch);
        }
        catch (OperationCanceledException) when (_abandoned)
        {
            return;
        }
#pragma warning disable CA1031 // Whatever the model throws is rethrown where the stream is advanced.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _error = e;
        }

        _done = true;
        _halted.Release();
    }
}
