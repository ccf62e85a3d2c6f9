using System.Diagnostics;
using System.Runtime.ExceptionServices;
using IsVit.Core.Memory;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>
/// One batch's forward through a model, on a thread of its own, that halts where it is told and goes on when it is told. A forward is ordinary code
/// with the activations in its local variables, so a thread is what can stand still in the middle of it. Forwards take turns; two never run at once.
/// </summary>
/// <param name="attachment">The attachment.</param>
/// <param name="batch">The model's inputs.</param>
/// <param name="store">Where the activations at a unit's boundaries are while the forward stands still; null to leave them.</param>
internal sealed class SuspendedForward(GraphAttachment attachment, SampleBatch batch, IActivationStore? store) : IDisposable
{
    // Flows to other threads that a model may run parts of itself on.
    private static readonly AsyncLocal<SuspendedForward?> s_current = new();

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(250);

    private readonly SemaphoreSlim _resume = new(0);
    private readonly SemaphoreSlim _halted = new(0);
    private Unit? _unit;
    private UnitBoundary _boundary;
    private OffloadedTensors? _input;
    private OffloadedTensors? _output;
    private bool _stands;
    private Exception? _error;
    private bool _abandoned;
    private bool _done;
    private bool _isStuck;

    /// <summary>How long a forward may wait for something while the process does nothing.</summary>
    public static TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(30);

    public static SuspendedForward? Current => s_current.Value;

    /// <summary>What the forward runs on, once it has begun.</summary>
    public Thread? Thread { get; private set; }

    /// <summary>Goes on to a unit's boundary, unless it stands there.</summary>
    public void Advance(Unit unit, UnitBoundary boundary, CancellationToken cancellationToken = default)
    {
        if (_stands && !_done && ReferenceEquals(unit, _unit) && boundary == _boundary)
        {
            return;
        }

        if (!_done)
        {
            Restore();
            if (!ReferenceEquals(unit, _unit))
            {
                (_input, _output) = (null, null);
            }

            (_unit, _boundary, _stands) = (unit, boundary, false);
            Resume();
            WaitUntilHalted(unit, cancellationToken);
        }

        if (_error is not null)
        {
            ExceptionDispatchInfo.Throw(_error);
        }

        if (_done)
        {
            throw new QuantizationException($"The forward ended without reaching the {(boundary == UnitBoundary.Input ? "input" : "output")} of unit '{unit.Path}' from where it stood; a graph must run its units in the traced order for every batch.");
        }

        Offload();

        // What its thread has freed lies in a heap that few others use, if any, and the thread may stand still for long.
        NativeHeap.ReturnFreed(Elements);
    }

    /// <summary>How many elements the largest activation at a unit's boundary has from where the forward stood before to where it stands: what was freed on the way may be of that size.</summary>
    public long Elements { get; private set; }

    /// <summary>What flows into the unit or out of it, valid until the forward goes on. Behind the unit its input is there as well: its caller holds it.</summary>
    public PackedTensors At(UnitBoundary boundary) => (boundary == UnitBoundary.Input ? _input : _output)!.Readable;

    public void AtBoundary(GraphAttachment at, Unit unit, UnitBoundary boundary, PackedTensors values)
    {
        if (_abandoned || !ReferenceEquals(at, attachment))
        {
            return;
        }

        var elements = values.Tensors.Count == 0 ? 0 : values.Tensors.Max(static value => value.NumberOfElements);
        Elements = Math.Max(Elements, elements);
        if (!ReferenceEquals(unit, _unit))
        {
            return;
        }

        if (boundary == UnitBoundary.Input)
        {
            _input ??= new OffloadedTensors(values, [], IsSame);
        }
        else
        {
            _output = new OffloadedTensors(values, _input?.Activations ?? [], IsSame);
        }

        if (boundary != _boundary)
        {
            return;
        }

        _stands = true;
        if (Elements >= NativeHeap.WorthReturning)
        {
            MatrixBuffers.FreeOfThisTeam();
        }

        _halted.Release();
        _resume.Wait();
        Elements = elements;
        if (_abandoned)
        {
            throw new OperationCanceledException("The stream was disposed.");
        }
    }

    /// <summary>Lets the forward end where it stands, without waiting for it.</summary>
    public void Abandon()
    {
        if (Thread is not null && !_done)
        {
            _abandoned = true;
            _resume.Release();
        }
    }

    public void Dispose()
    {
        if (Thread is not null)
        {
            Abandon();

            // What a stuck forward waits for may be held by one that is disposed later, and then ends before that one is gone.
            if (!Thread.Join(_isStuck ? s_look : Timeout.InfiniteTimeSpan))
            {
                attachment.Leave(Thread);
                return;
            }

            Thread = null;
        }

        _done = true;
        foreach (var activation in Activations)
        {
            activation.Release();
        }

        (_input, _output) = (null, null);
        _resume.Dispose();
        _halted.Dispose();
    }

    // A forward may wait for what another one holds that stands still, such as a lock: neither would ever go on.
    private void WaitUntilHalted(Unit unit, CancellationToken cancellationToken)
    {
        if (_halted.Wait(s_look, CancellationToken.None))
        {
            return;
        }

        using var process = Process.GetCurrentProcess();
        var (waiting, worked) = (TimeSpan.Zero, TimeSpan.Zero);
        while (!_halted.Wait(s_look, CancellationToken.None))
        {
            process.Refresh();
            if ((Thread!.ThreadState & System.Threading.ThreadState.WaitSleepJoin) == System.Threading.ThreadState.Running || waiting == TimeSpan.Zero)
            {
                (waiting, worked) = (s_look, process.TotalProcessorTime);
                continue;
            }

            waiting += s_look;
            _isStuck = cancellationToken.IsCancellationRequested || (waiting >= Patience && process.TotalProcessorTime - worked < waiting / 10);
            if (_isStuck)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw new QuantizationException(
                    FormattableString.Invariant($"A forward of the model has waited for {waiting.TotalSeconds:F0} s on its way to unit '{unit.Path}' without anything being computed. Forwards of several batches stand still in the middle of the model at once, so that it must not hold a lock or a semaphore while it calls its modules."));
            }
        }
    }

    // Where nothing is put away, only one handle can be put in the other's place.
    private bool IsSame(Tensor one, Tensor other) => store is null ? ReferenceEquals(one, other) : TensorIdentity.AreSame(one, other);

    private void Offload()
    {
        if (store is null)
        {
            return;
        }

        // The caller's own samples stay where they are.
        foreach (var activation in Activations)
        {
            if (!batch.Inputs.Any(input => IsSame(activation.Value, input)))
            {
                activation.Offload(store);
            }
        }
    }

    private void Restore()
    {
        if (store is not null)
        {
            foreach (var activation in Activations)
            {
                activation.Restore(store);
            }
        }
    }

    private IEnumerable<OffloadedActivation> Activations => (_input?.Activations ?? []).Concat(_output?.Activations ?? []);

    private void Resume()
    {
        if (Thread is not null)
        {
            _resume.Release();
            return;
        }

        // Kept only once it runs: a system out of threads refuses to start it.
        var thread = new Thread(Run, 16 << 20) { IsBackground = true, Name = "IsVit unit flow" };
        thread.Start();
        Thread = thread;
    }

    private void Run()
    {
        s_current.Value = this;
        try
        {
            OpenMpTeam.Adopt();
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            attachment.Graph.Forward.Run(batch);
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
