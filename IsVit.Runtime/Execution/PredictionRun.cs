using IsVit.Runtime.Graphs;
using IsVit.Runtime.Layers;

namespace IsVit.Runtime.Execution;

/// <summary>The memory of one call: whole images on different workers as long as there are enough of them, then image by image on all.</summary>
internal sealed unsafe class PredictionRun
{
    private readonly IImageGraph _graph;
    private readonly Scratch[] _scratch;
    private readonly object?[] _states;
    private readonly Team _team;
    private readonly WholeImages _whole;
    private readonly OneImage _one;
    private float* _pixels;
    private float* _outputs;
    private CancellationToken _cancellation;

    /// <summary>Allocates the memory.</summary>
    /// <param name="graph">The model.</param>
    /// <param name="workers">How many threads may work at a time.</param>
    public PredictionRun(IImageGraph graph, int workers)
    {
        _graph = graph;
        _scratch = [.. Enumerable.Range(0, workers).Select(_ => graph.CreateScratch())];
        _states = new object?[workers];
        _team = new(workers);
        (_whole, _one) = (new(this), new(this));
    }

    /// <summary>Computes the outputs of images.</summary>
    /// <param name="pixels">The images.</param>
    /// <param name="outputs">Receives the outputs.</param>
    /// <param name="cancellation">Looked at between layers.</param>
    public void Predict(ReadOnlySpan<float> pixels, Span<float> outputs, CancellationToken cancellation)
    {
        var count = pixels.Length / _graph.InputLength;
        var whole = count / _scratch.Length * _scratch.Length;
        _cancellation = cancellation;

        // Other threads read and write them while this one waits.
        fixed (float* input = pixels, output = outputs)
        {
            _pixels = input;
            _outputs = output;
            try
            {
                if (whole > 0)
                {
                    _whole.Count = whole;
                    _team.Run(_whole, cancellation);
                }

                _ = State(0);
                for (_one.Index = whole; _one.Index < count; _one.Index++)
                {
                    _team.Run(_one, cancellation);
                }
            }
            finally
            {
                _pixels = null;
                _outputs = null;
                _cancellation = default;
            }
        }
    }

    private void Do(int image, int phase, int item, object state, Scratch scratch) => _graph.Do(
        phase,
        item,
        new(_pixels + ((nint)image * _graph.InputLength), _graph.InputLength),
        state,
        new(_outputs + ((nint)image * _graph.OutputWidth), _graph.OutputWidth),
        scratch);

    private object State(int worker) => _states[worker] ??= _graph.CreateState();

    private sealed class WholeImages(PredictionRun run) : IPhases
    {
        public int Count { get; set; }

        public int PhaseCount => 1;

        public int ItemCount(int phase) => Count;

        public void Do(int phase, int item, int worker)
        {
            var state = run.State(worker);
            for (var layer = 0; layer < run._graph.PhaseCount; layer++)
            {
                run._cancellation.ThrowIfCancellationRequested();
                var count = run._graph.ItemCount(layer);
                for (var part = 0; part < count; part++)
                {
                    run.Do(item, layer, part, state, run._scratch[worker]);
                }
            }
        }
    }

    private sealed class OneImage(PredictionRun run) : IPhases
    {
        public int Index { get; set; }

        public int PhaseCount => run._graph.PhaseCount;

        public int ItemCount(int phase) => run._graph.ItemCount(phase);

        public void Do(int phase, int item, int worker) => run.Do(Index, phase, item, run.State(0), run._scratch[worker]);
    }
}
