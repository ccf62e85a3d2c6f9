using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Puts a module graph in evaluation mode (no dropout, no drop path) until disposed, then gives each module back its own mode.</summary>
internal sealed class EvaluationScope : IDisposable
{
    private readonly List<(nn.Module Module, bool Training)> _modes;

    /// <summary>Enters evaluation mode.</summary>
    /// <param name="model">The root.</param>
    public EvaluationScope(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _modes = [(model, model.training), .. model.named_modules().Select(static entry => (entry.module, entry.module.training))];
        model.eval();
    }

    /// <summary>Leaves the graph in evaluation mode for good.</summary>
    internal void Stay() => _modes.Clear();

    /// <inheritdoc/>
    public void Dispose()
    {
        // A parent's mode is handed down to its children, so parents go first; named_modules lists them in that order.
        foreach (var (module, training) in _modes)
        {
            if (module.training != training)
            {
                module.train(training);
            }
        }

        _modes.Clear();
    }
}
