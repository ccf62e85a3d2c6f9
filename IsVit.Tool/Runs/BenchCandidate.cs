using IsVit.Optimization;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>One of the models that <c>isvit bench</c> measures.</summary>
/// <param name="Name">What it is called in the table.</param>
/// <param name="Bytes">Its file's length.</param>
/// <param name="Module">[batch, channels, height, width] to [batch, classes].</param>
/// <param name="ImageShape">[channels, height, width].</param>
/// <param name="Quantized">The quantized model that holds the module; null if it stands for itself.</param>
internal sealed record BenchCandidate(string Name, long Bytes, torch.nn.Module<torch.Tensor, torch.Tensor> Module, IReadOnlyList<long> ImageShape, QuantizedModel? Quantized = null) : IDisposable
{
    private readonly Dictionary<int, List<double>> _milliseconds = [];

    /// <summary>Whether it runs in this library.</summary>
    public bool IsSimulated => Quantized is not null;

    /// <summary>Images of random numbers.</summary>
    public torch.Tensor Images(int batch, torch.Generator random) => torch.randn([batch, .. ImageShape], generator: random);

    /// <summary>Runs it once.</summary>
    public void Run(torch.Tensor images) => Module.call(images).Dispose();

    /// <summary>Keeps a time.</summary>
    public void Add(int batch, double milliseconds)
    {
        if (!_milliseconds.TryGetValue(batch, out var times))
        {
            _milliseconds[batch] = times = [];
        }

        times.Add(milliseconds);
    }

    /// <summary>The middle one of its times.</summary>
    public double Median(int batch) => Middle(_milliseconds[batch]);

    /// <summary>How many times as fast as another it is, by their medians.</summary>
    public double SpeedAgainst(BenchCandidate other, int batch) => other.Median(batch) / Median(batch);

    /// <inheritdoc/>
    public void Dispose()
    {
        Quantized?.Dispose();
        Module.Dispose();
    }

    private static double Middle(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
