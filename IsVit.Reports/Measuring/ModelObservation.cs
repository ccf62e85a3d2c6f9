using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Reports.Contents;
using static TorchSharp.torch;

namespace IsVit.Reports.Measuring;

/// <summary>What a model makes of samples: its outputs, those of its units, and the attention of its last block.</summary>
internal sealed class ModelObservation : IDisposable
{
    private readonly List<(string Unit, List<Tensor> Outputs)> _units = [];

    private ModelObservation()
    {
    }

    /// <summary>The first output of each batch.</summary>
    public IReadOnlyList<Tensor> Outputs { get; private set; } = [];

    /// <summary>The last softmax's output of each batch, [images, heads, tokens, tokens]; empty if there is none of this shape.</summary>
    public IReadOnlyList<Tensor> Attention { get; private set; } = [];

    /// <summary>Looks at a float model.</summary>
    /// <param name="model">The model; it is not changed.</param>
    /// <param name="samples">The samples.</param>
    /// <param name="options">How units are found.</param>
    public static ModelObservation OfFloat(ModelForward model, IReadOnlyList<SampleBatch> samples, TraceOptions options)
    {
        using var scope = NewDisposeScope();
        var graph = ModuleGraph.Trace(model, samples[0].Slice(0, 1), options);
        using var attachment = GraphAttachment.Attach(graph, static site => site.Role == SiteRole.PostSoftmax ? new Passage() : null);
        foreach (var binding in attachment.Bindings)
        {
            binding.State = SiteState.Quantized;
        }

        return Of(attachment, samples);
    }

    /// <summary>Looks at a quantized model.</summary>
    /// <param name="attachment">Its quantizers.</param>
    /// <param name="samples">The samples.</param>
    public static ModelObservation OfQuantized(GraphAttachment attachment, IReadOnlyList<SampleBatch> samples) => Of(attachment, samples);

    /// <summary>The units' paths, in the order in which they run.</summary>
    public IEnumerable<string> UnitPaths => _units.Select(static entry => entry.Unit);

    /// <summary>What a unit gave: the tensors of numbers of each batch.</summary>
    /// <param name="unit">Its path.</param>
    public IReadOnlyList<Tensor> OutputsOf(string unit) => _units.Find(entry => entry.Unit == unit).Outputs;

    /// <summary>The error of each unit that both models have.</summary>
    /// <param name="reference">The float model's.</param>
    public IReadOnlyList<UnitError> ErrorsFrom(ModelObservation reference)
    {
        using var noGrad = no_grad();
        var wanted = reference._units.ToDictionary(static entry => entry.Unit, static entry => entry.Outputs, StringComparer.Ordinal);
        return [.. _units.Where(entry => wanted.TryGetValue(entry.Unit, out var other) && other.Count == entry.Outputs.Count).Select(entry => new UnitError(entry.Unit, RelativeError(entry.Outputs, wanted[entry.Unit])))];
    }

    /// <summary>A squared error, divided by the variance of what is wanted.</summary>
    /// <param name="found">What there is.</param>
    /// <param name="wanted">What there should be.</param>
    public static double RelativeError(IReadOnlyList<Tensor> found, IReadOnlyList<Tensor> wanted)
    {
        using var scope = NewDisposeScope();
        var (error, sum, square, count) = (0.0, 0.0, 0.0, 0L);
        for (var i = 0; i < found.Count; i++)
        {
            var (x, y) = (found[i].to(float64), wanted[i].to(float64));
            error += (x - y).Squared().sum().item<double>();
            sum += y.sum().item<double>();
            square += y.Squared().sum().item<double>();
            count += y.numel();
        }

        var variance = (square / count) - (sum / count * (sum / count));
        return error / count / variance;
    }

    public void Dispose()
    {
        foreach (var tensor in _units.SelectMany(static entry => entry.Outputs).Concat(Outputs).Concat(Attention))
        {
            tensor.Dispose();
        }

        _units.Clear();
        (Outputs, Attention) = ([], []);
    }

    private static ModelObservation Of(GraphAttachment attachment, IReadOnlyList<SampleBatch> samples)
    {
        using var noGrad = no_grad();
        var found = new ModelObservation();
        try
        {
            found.ReadUnits(attachment, samples);
            found.ReadOutputs(attachment, samples);
            return found;
        }
        catch
        {
            found.Dispose();
            throw;
        }
    }

    private void ReadUnits(GraphAttachment attachment, IReadOnlyList<SampleBatch> samples)
    {
        using var flow = new UnitFlow(attachment, samples);
        foreach (var unit in attachment.Graph.Units)
        {
            using var scope = NewDisposeScope();
            var outputs = flow.AdvanceToOutput(unit).SelectMany(static output => output.Tensors).Where(static tensor => is_floating_point(tensor)).Select(static tensor => tensor.clone().DetachFromDisposeScope()).ToList();
            _units.Add((unit.Path, outputs));
        }
    }

    private void ReadOutputs(GraphAttachment attachment, IReadOnlyList<SampleBatch> samples)
    {
        var last = attachment.Bindings.LastOrDefault(static binding => binding.Site.Role == SiteRole.PostSoftmax);
        var (outputs, attention, seen) = (new List<Tensor>(), new List<Tensor>(), default(Tensor));
        if (last is not null)
        {
            last.Reader = x => seen = x.clone().DetachFromDisposeScope();
        }

        try
        {
            foreach (var batch in samples)
            {
                using var scope = NewDisposeScope();
                outputs.Add(attachment.Graph.Forward.Run(batch)[0].clone().DetachFromDisposeScope());
                if (seen is not null && seen.dim() == 4 && seen.shape[0] == batch.Count && seen.shape[2] == seen.shape[3])
                {
                    attention.Add(seen);
                }
                else
                {
                    seen?.Dispose();
                }

                seen = null;
            }
        }
        finally
        {
            if (last is not null)
            {
                last.Reader = null;
            }
        }

        (Outputs, Attention) = (outputs, attention);
    }
}
