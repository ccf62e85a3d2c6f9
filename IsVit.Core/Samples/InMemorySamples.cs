using IsVit.Core.Imaging;
using IsVit.Model.Quantization;
using static TorchSharp.torch;

namespace IsVit.Core.Samples;

/// <summary>
/// Samples, such as calibration images, kept in memory in the batches in which they were passed: quantization reads them many times. Nothing is concatenated or copied until batches of another
/// size are needed. 1024 colour images of 224 pixels take 617 MB.
/// </summary>
public sealed class InMemorySamples : IDisposable
{
    private readonly bool _owns;

    /// <summary>Creates samples for a model with any number of inputs, in batches of any sizes.</summary>
    /// <param name="batches">One or more batches, enumerated once, all with the same number of inputs and with the same types and shapes except for the number of samples.
    /// The tensors remain the caller's, and must live as long as this object.</param>
    /// <exception cref="QuantizationException">There are no samples, or two batches do not fit each other.</exception>
    public InMemorySamples(IEnumerable<SampleBatch> batches)
        : this(batches, owns: false)
    {
    }

    /// <summary>Creates samples for a model with one input, in batches of any sizes.</summary>
    /// <param name="batches">One or more batches, each [samples, ...], enumerated once, with the same types and shapes except for the number of samples.
    /// The tensors remain the caller's, and must live as long as this object.</param>
    /// <exception cref="QuantizationException">There are no samples, or two batches do not fit each other.</exception>
    public InMemorySamples(IEnumerable<Tensor> batches)
        : this((batches ?? throw new ArgumentNullException(nameof(batches))).Select(static batch => new SampleBatch(batch)))
    {
    }

    internal InMemorySamples(IEnumerable<SampleBatch> batches, bool owns)
    {
        ArgumentNullException.ThrowIfNull(batches);
        _owns = owns;
        Batches = [.. batches.Where(static batch => batch.Count > 0)];
        if (Batches.Count == 0)
        {
            throw new QuantizationException("There are no samples; expected at least one.");
        }

        for (var i = 1; i < Batches.Count; i++)
        {
            RequireToFit(i);
        }

        Count = Batches.Sum(static batch => batch.Count);
    }

    /// <summary>The batches as they were passed, without empty ones.</summary>
    public IReadOnlyList<SampleBatch> Batches { get; }

    /// <summary>The number of samples.</summary>
    public long Count { get; }

    /// <summary>Reads images into memory, batch by batch.</summary>
    /// <param name="images">The images.</param>
    /// <param name="batchSize">Images per batch, at least 1.</param>
    /// <param name="device">The device of the tensors; null for the CPU.</param>
    /// <param name="cancellationToken">Stops reading with an <see cref="OperationCanceledException"/>.</param>
    /// <returns>Samples that own their tensors: disposing them frees the memory.</returns>
    /// <exception cref="ImageException">An image cannot be read, and the source does not skip such images.</exception>
    /// <exception cref="QuantizationException">There is no readable image.</exception>
    public static InMemorySamples Read(IImageSource images, int batchSize = 32, Device? device = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        var kept = new List<SampleBatch>();
        try
        {
            foreach (var batch in images.ReadBatches(batchSize, cancellationToken))
            {
                using (batch)
                {
                    // A source may show its own memory; an alias keeps that alive, and no more is copied than a device asks for.
                    kept.Add(new SampleBatch((device is null ? batch.Pixels.alias() : batch.Pixels.to(device, copy: true)).DetachFromDisposeScope()));
                }
            }

            return new InMemorySamples(kept, owns: true);
        }
        catch
        {
            kept.ForEach(static batch => batch.DisposeInputs());
            throw;
        }
    }

    /// <summary>Frees the tensors that <see cref="Read"/> created; tensors that were passed in remain their owner's.</summary>
    public void Dispose()
    {
        if (_owns)
        {
            foreach (var batch in Batches)
            {
                batch.DisposeInputs();
            }
        }
    }

    private void RequireToFit(int index)
    {
        var (first, other) = (Batches[0], Batches[index]);
        if (other.Inputs.Count != first.Inputs.Count)
        {
            throw new QuantizationException(FormattableString.Invariant($"Batch {index} of the samples has {other.Inputs.Count} inputs, batch 0 has {first.Inputs.Count}; expected equally many."));
        }

        for (var i = 0; i < first.Inputs.Count; i++)
        {
            if (other[i].dtype != first[i].dtype || other[i].device_type != first[i].device_type || !other[i].shape.Skip(1).SequenceEqual(first[i].shape.Skip(1)))
            {
                throw new QuantizationException(FormattableString.Invariant(
                    $"Input {i} of batch {index} of the samples is {other[i].dtype} [{string.Join(", ", other[i].shape)}] on {other[i].device_type}, that of batch 0 {first[i].dtype} [{string.Join(", ", first[i].shape)}] on {first[i].device_type}; expected the same but for the number of samples."));
            }
        }
    }
}
