using IsVit.Core.Graph;
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
    private Tensor? _images;
    private Entrance? _entered;
    private bool _records;

    public UnitEntrances(ModuleGraph graph)
    {
        _graph = graph;
        foreach (var unit in graph.Units)
        {
            if (graph.Modules[unit.Path] is nn.Module<Tensor, Tensor> module)
            {
                var entrance = new Entrance(unit);
                entrance.Remove = module.register_forward_pre_hook((_, x) => See(entrance, x)).remove;
                _entrances.Add(entrance);
            }
        }
    }

    /// <summary>Runs the images through the model as it is and keeps what flows into each unit.</summary>
    /// <returns>The outputs.</returns>
    public Tensor Record(Tensor images)
    {
        Forget();
        _images = images;
        Tensor outputs;
        _records = true;
        try
        {
            outputs = _graph.Model.call(images);
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
    public Tensor Run(string path) => Run(_entrances.Find(entrance => entrance.Unit.Contains(path)));

    public void Dispose()
    {
        Forget();
        _entrances.ForEach(static entrance => entrance.Remove());
        _entrances.Clear();
    }

    private Tensor Run(Entrance? entrance)
    {
        if (entrance?.Input is null)
        {
            return _graph.Model.call(_images!);
        }

        _entered = entrance;
        try
        {
            using var one = _images!.narrow(0, 0, 1);
            return _graph.Model.call(one);
        }
        finally
        {
            _entered = null;
        }
    }

    private bool Supports(Entrance entrance, Tensor outputs)
    {
        using var scope = NewDisposeScope();
        try
        {
            var again = Run(entrance);
            return again.shape.SequenceEqual(outputs.shape) && (again - outputs).norm().to(float64).item<double>() <= Tolerance * outputs.norm().to(float64).item<double>();
        }
        catch (System.Runtime.InteropServices.ExternalException)
        {
            // libtorch's complaint of shapes that do not fit.
            return false;
        }
    }

    private Tensor See(Entrance entrance, Tensor x)
    {
        if (_records)
        {
            entrance.Forget();
            entrance.Input = x.detach().clone().DetachFromDisposeScope();
        }

        return ReferenceEquals(entrance, _entered) ? entrance.Input!.alias() : x;
    }

    private void Forget() => _entrances.ForEach(static entrance => entrance.Forget());

    private sealed class Entrance(Unit unit)
    {
        public Unit Unit => unit;

        public Tensor? Input { get; set; }

        public Action Remove { get; set; } = static () => { };

        public void Forget()
        {
            Input?.Dispose();
            Input = null;
        }
    }
}
