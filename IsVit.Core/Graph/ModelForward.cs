using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A model of any signature, together with how a batch of samples is passed through it and which of its output tensors are relevant.</summary>
public sealed class ModelForward
{
    private readonly Func<SampleBatch, IReadOnlyList<Tensor>> _run;
    private int _outputCount;

    /// <summary>Creates one from a function of the caller.</summary>
    /// <param name="module">The root of the module graph.</param>
    /// <param name="run">
    /// Runs a batch through the module, by <c>call</c> and not <c>forward</c>, and returns the relevant outputs: one or more tensors, each with the samples along its first axis. It must do the same for every batch, whatever its size.
    /// </param>
    public ModelForward(nn.Module module, Func<SampleBatch, IReadOnlyList<Tensor>> run)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(run);
        (Module, _run) = (module, run);
    }

    /// <summary>The root of the module graph.</summary>
    public nn.Module Module { get; }

    /// <summary>What each of the outputs holds, in their order; empty if the options of a run say it for all of them.</summary>
    public IReadOnlyList<OutputDeclaration> Outputs { get; init; } = [];

    /// <summary>
    /// A model that is called with the tensors of a batch unchanged, one per argument or all in one array or list, and all of whose output tensors are relevant, whatever tuples, lists or dictionaries contain them; or one that defines
    /// how it runs itself (<see cref="IForwardDeclaration"/>).
    /// </summary>
    /// <param name="module">The root of the module graph.</param>
    /// <exception cref="QuantizationException">The module takes other arguments.</exception>
    public static ModelForward Of(nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        if (module is IForwardDeclaration declared)
        {
            return new(module, declared.ForwardBatch) { Outputs = declared.DeclareOutputs() };
        }

        if (module is nn.Module<Tensor, Tensor> one)
        {
            return new(module, batch => [one.call(Arguments(module, batch, 1)[0])]);
        }

        var typed = TypedModule.TryOf(module);
        var parameters = typed?.Parameters ?? [];
        if (parameters is [var all] && all.IsAssignableFrom(typeof(Tensor[])))
        {
            return new(module, batch => Tensors(typed!.Call([batch.Inputs.ToArray()])));
        }

        if (parameters is [var list] && list.IsAssignableFrom(typeof(List<Tensor>)))
        {
            return new(module, batch => Tensors(typed!.Call([batch.Inputs.ToList()])));
        }

        return typed is not null && parameters.All(static parameter => parameter.IsAssignableFrom(typeof(Tensor)))
            ? new(module, batch => Tensors(typed.Call([.. Arguments(module, batch, parameters.Count)])))
            : throw new QuantizationException(
                $"The model, a {module.GetType().Name}, takes {(typed is null ? "no arguments that are known" : $"({string.Join(", ", parameters.Select(static parameter => parameter.Name))})")}; expected tensors. Say how a batch runs through it with a function of yours (new {nameof(ModelForward)}(module, batch => ...)), or let it implement {nameof(IForwardDeclaration)}.");
    }

    /// <summary>Runs a batch.</summary>
    /// <param name="batch">A tensor for each input, [samples, ...].</param>
    /// <returns>The relevant outputs.</returns>
    /// <exception cref="QuantizationException">The number of inputs in the batch differs from the model's, or the model returns no tensor, another number of tensors than before, or one without an axis of samples.</exception>
    public IReadOnlyList<Tensor> Run(SampleBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var outputs = _run(batch);
        if (outputs is not { Count: > 0 } || outputs.Any(static output => output is null || output.IsInvalid))
        {
            throw new QuantizationException($"The model, a {Module.GetName()}, gave {(outputs is { Count: > 0 } ? "null or a disposed tensor" : "no tensor")}; expected one or more outputs.");
        }

        var before = Interlocked.CompareExchange(ref _outputCount, outputs.Count, 0);
        if (before != 0 && before != outputs.Count)
        {
            throw new QuantizationException(FormattableString.Invariant($"The model, a {Module.GetName()}, gave {outputs.Count} tensors, and {before} for an earlier batch; expected equally many for every batch."));
        }

        if (Outputs.Count > 0 && Outputs.Count != outputs.Count)
        {
            throw new QuantizationException(FormattableString.Invariant($"The model, a {Module.GetName()}, gave {outputs.Count} tensors, and {Outputs.Count} outputs are declared; expected a declaration for each."));
        }

        if (outputs.Any(static output => output.dim() == 0))
        {
            throw new QuantizationException($"The model, a {Module.GetName()}, gave a tensor without axes; expected the samples along the first axis of each output.");
        }

        return outputs;
    }

    /// <summary>Runs a batch without gradients.</summary>
    /// <returns>The outputs, which the scope that is open around the call owns, and nothing else of the forward.</returns>
    internal IReadOnlyList<Tensor> Predict(SampleBatch batch)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();

        // What a model hands through is still the caller's.
        return [.. Run(batch).Select(output => scope.MoveToOuter(batch.Inputs.Any(input => ReferenceEquals(input, output)) ? output.alias() : output))];
    }

    private static IReadOnlyList<Tensor> Tensors(object? result) => PackedTensors.Of(result).Tensors;

    private static IReadOnlyList<Tensor> Arguments(nn.Module module, SampleBatch batch, int count) => batch.Inputs.Count == count
        ? batch.Inputs
        : throw new QuantizationException(FormattableString.Invariant($"A batch has {batch.Inputs.Count} tensors, and the model, a {module.GetName()}, takes {count}; expected one for each."));
}
