using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Optimization.OutputSensitivity;
using static TorchSharp.torch;

namespace IsVit.Optimization.MixedPrecision;

/// <summary>
/// Lets a forward of many images begin at a unit: what is before it runs for one image, whose numbers are replaced by the many images' at the unit's input. What a model does between its
/// units happens as its own code does it. A unit at which that changes the outputs (something goes past it, or counts images earlier) is not entered; the model then runs as a whole.
/// </summary>
/// <remarks>Its hooks must be registered before those that quantize, so that these see the numbers put in.</remarks>
internal sealed class UnitEntrances : IDisposable
{
    private const double Tolerance = 1e-4;
    private readonly ModuleGraph _graph;
    private readonly List<Entrance> _entrances = [];
    private SampleBatch? _images;
    private Entrance? _entered;
    private bool _records;

    public UnitEntrances(ModuleGraph graph)
    {
        _graph = graph;
        foreach (var unit in graph.Units)
        {
            var entrance = new Entrance(unit);
            entrance.Remove = TypedModule.TryOf(graph.Modules[unit.Path])!.HookBefore(arguments => See(entrance, arguments));
            _entrances.Add(entrance);
        }
    }

    /// <summary>Runs the images through the model as it is and keeps what flows into each unit.</summary>
    /// <returns>The outputs.</returns>
    public IReadOnlyList<Tensor> Record(SampleBatch images)
    {
        Forget();
        _images = images;
        IReadOnlyList<Tensor> outputs;
        _records = true;
        try
        {
            outputs = _graph.Forward.Run(images);
        }
        finally
        {
            _records = false;
        }

        foreach (var entrance in _entrances)
        {
            if (!Supports(entrance, outputs))
            {
                entrance.Forget();
            }
        }

        return outputs;
    }

    /// <summary>Runs the recorded images through the model, from the unit on that a module lies in if that can be entered.</summary>
    /// <param name="path">The only module, with those inside it, that does anything else than when the images were recorded.</param>
    public IReadOnlyList<Tensor> Run(string path) => Run(_entrances.Find(entrance => entrance.Unit.Contains(path)));

    public void Dispose()
    {
        Forget();
        _entrances.ForEach(static entrance => entrance.Remove());
        _entrances.Clear();
    }

    private IReadOnlyList<Tensor> Run(Entrance? entrance)
    {
        if (entrance?.Input is null)
        {
            return _graph.Forward.Run(_images!);
        }

        _entered = entrance;
        try
        {
            return _graph.Forward.Run(_images!.Slice(0, 1));
        }
        finally
        {
            _entered = null;
        }
    }

    private bool Supports(Entrance entrance, IReadOnlyList<Tensor> outputs)
    {
        using var scope = NewDisposeScope();
        try
        {
            var again = Run(entrance);
            return again.Zip(outputs).All(static pair => pair.First.shape.SequenceEqual(pair.Second.shape)
                && (!OutputComparison.IsNumbers(pair.First) || (pair.First - pair.Second).norm().to(float64).item<double>() <= Tolerance * pair.Second.norm().to(float64).item<double>()));
        }
        catch (System.Runtime.InteropServices.ExternalException)
        {
            // libtorch's complaint of shapes that do not fit.
            return false;
        }
    }

    private object?[]? See(Entrance entrance, object?[] arguments)
    {
        if (_records)
        {
            entrance.Forget();
            var flowing = PackedTensors.Of(arguments);
            entrance.Input = flowing.With([.. flowing.Tensors.Select(static x => x.detach().clone().DetachFromDisposeScope())]);
        }

        return ReferenceEquals(entrance, _entered) ? (object?[])entrance.Input!.With([.. entrance.Input.Tensors.Select(static x => x.alias())]).Value! : null;
    }

    private void Forget() => _entrances.ForEach(static entrance => entrance.Forget());

    private sealed class Entrance(Unit unit)
    {
        public Unit Unit => unit;

        public PackedTensors? Input { get; set; }

        public Action Remove { get; set; } = static () => { };

        public void Forget()
        {
            foreach (var tensor in Input?.Tensors ?? [])
            {
                tensor.Dispose();
            }

            Input = null;
        }
    }
}
