using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Samples;

/// <summary>A batch of samples as a model takes them: a tensor for each of its inputs, such as images and their sizes, with the samples along the first axis of each.</summary>
public sealed class SampleBatch
{
    /// <summary>Creates a batch of the given tensors, which remain the caller's.</summary>
    /// <param name="inputs">One or more, each [samples, ...].</param>
    /// <exception cref="QuantizationException">There is no tensor, one has no axis, or they have different numbers of samples.</exception>
    public SampleBatch(params IEnumerable<Tensor> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        Inputs = [.. inputs];
        if (Inputs.Count == 0)
        {
            throw new QuantizationException("A batch of samples has no tensor; expected one for each input of the model.");
        }

        for (var i = 0; i < Inputs.Count; i++)
        {
            ArgumentNullException.ThrowIfNull(Inputs[i], nameof(inputs));
            if (Inputs[i].dim() < 1 || Inputs[i].shape[0] != Inputs[0].shape[0])
            {
                throw new QuantizationException(
                    FormattableString.Invariant($"Input {i} of a batch of samples has shape [{string.Join(", ", Inputs[i].shape)}], input 0 [{string.Join(", ", Inputs[0].shape)}]; expected the same number of samples along the first axis of each."));
            }
        }
    }

    /// <summary>The tensors, each [samples, ...].</summary>
    public IReadOnlyList<Tensor> Inputs { get; }

    /// <summary>The number of samples.</summary>
    public long Count => Inputs[0].shape[0];

    /// <summary>The tensor of one input.</summary>
    /// <param name="input">The index of the input, from 0.</param>
    public Tensor this[int input] => Inputs[input];

    /// <summary>Returns consecutive samples as views, which the open dispose scope owns.</summary>
    /// <param name="start">The index of the first sample, from 0.</param>
    /// <param name="count">The number of samples.</param>
    public SampleBatch Slice(long start, long count) => Map(input => input.narrow(0, start, count));

    /// <summary>The samples of several batches as one, copied unless there is one batch.</summary>
    /// <param name="batches">One or more, of equally many inputs.</param>
    internal static SampleBatch Join(IReadOnlyList<SampleBatch> batches) =>
        batches.Count == 1 ? batches[0] : new(batches[0].Inputs.Select((_, i) => cat([.. batches.Select(batch => batch[i])])));

    /// <summary>Pieces of at most so many samples, as views.</summary>
    internal IEnumerable<SampleBatch> Split(long size)
    {
        for (long start = 0; start < Count; start += size)
        {
            yield return Slice(start, Math.Min(size, Count - start));
        }
    }

    /// <summary>Copies that gradients reach where numbers are not whole.</summary>
    internal SampleBatch AsVariables() => Map(static input =>
    {
        var copy = input.detach().clone();
        return is_floating_point(copy) ? copy.requires_grad_(true) : copy;
    });

    internal SampleBatch Map(Func<Tensor, Tensor> change) => new(Inputs.Select(change));

    /// <summary>Disposes the tensors, for whoever made them.</summary>
    internal void DisposeInputs()
    {
        foreach (var input in Inputs)
        {
            input.Dispose();
        }
    }
}
