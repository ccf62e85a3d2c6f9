using System.Runtime.ExceptionServices;
using IsVit.Core.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>
/// One batch's forward through a model, on a thread of its own, that halts where it is told and goes on when it is told. A forward is ordinary code
/// with the activations in its local variables, so a thread is what can stand still in the middle of it. Fibers take turns; two never run at once.
/// </summary>
internal sealed class Fiber(GraphAttachment attachment, Tensor batch) : IDisposable
{
    // Flows to other threads that a model may run parts of itself on.
    private static readonly AsyncLocal<Fiber?> s_current = new();

    private readonly SemaphoreSlim _resume = new(0);
    private readonly SemaphoreSlim _halted = new(0);
    private Thread? _thread;
    private Unit? _unit;
    private UnitBoundary _boundary;
    private Tensor? _value;
    private Exception? _error;
    private bool _abandoned;
    private bool _done;

    public static Fiber? Current => s_current.Value;

    /// <summary>Goes on to a unit's boundary, unless it stands there. The returned tensor stays valid until it goes on.</summary>
    public Tensor Advance(Unit unit, UnitBoundary boundary)
    {
        if (_value is not null && !_done && ReferenceEquals(unit, _unit) && boundary == _boundary)
        {
            return _value;
        }

        if (!_done)
        {
            _unit = unit;
            _boundary = boundary;
            _value = null;
            Resume();
            _halted.Wait();
        }

        if (_error is not null)
        {
            ExceptionDispatchInfo.Throw(_error);
        }

        return _done
            ? throw new QuantizationException($"The forward ended without reaching the {(boundary == UnitBoundary.Input ? "input" : "output")} of unit '{unit.Path}' from where it stood; a graph must run its units in the traced order for every batch.")
            : _value!;
    }

    public void AtBoundary(GraphAttachment at, Unit unit, UnitBoundary boundary, Tensor value)
    {
        if (_abandoned || !ReferenceEquals(at, attachment) || !ReferenceEquals(unit, _unit) || boundary != _boundary)
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
        if (_thread is not null)
        {
            if (!_done)
            {
                _abandoned = true;
                _resume.Release();
            }

            _thread.Join();
            _thread = null;
        }

        _done = true;
        _value = null;
        _resume.Dispose();
        _halted.Dispose();
    }

    private void Resume()
    {
        if (_thread is not null)
        {
            _resume.Release();
            return;
        }

        // Kept only once it runs: a system out of threads refuses to start it.
        var thread = new Thread(Run, 16 << 20) { IsBackground = true, Name = "IsVit unit flow" };
        thread.Start();
        _thread = thread;
    }

    private void Run()
    {
        s_current.Value = this;
        try
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            attachment.Graph.Model.call(batch);
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
