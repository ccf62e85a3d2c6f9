using System.Text.Json.Serialization;

namespace IsVit.Reports.Contents;

/// <summary>
/// A unit's loss over a plane through its weights, before and after stage 2 (as in figure 3 of I&amp;S-ViT, arXiv 2311.10126): the squared error of its output, divided by the variance of the float model's output.
/// </summary>
/// <remarks>
/// The plane's directions are random and the same before and after; as in Li et al. (arXiv 1712.09913), those of each output channel's weights have the size of these weights, and biases stay. The numbers that flow into the
/// unit are the quantized model's.
/// </remarks>
public sealed record LossLandscape
{
    /// <summary>The unit's path in the model.</summary>
    public required string Unit { get; init; }

    /// <summary>The samples that the loss is over.</summary>
    public required int SampleCount { get; init; }

    /// <summary>The points along each direction, ascending, in parts of the weights' size; 0 is in the middle.</summary>
    public required IReadOnlyList<double> Steps { get; init; }

    /// <summary>The losses before stage 2: for each point of the second direction those along the first.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> Before { get; init; }

    /// <summary>The losses after it.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> After { get; init; }

    /// <summary>The loss of the weights themselves before stage 2.</summary>
    [JsonIgnore]
    public double MiddleBefore => Before[Before.Count / 2][Steps.Count / 2];

    /// <summary>The loss of the weights themselves after it.</summary>
    [JsonIgnore]
    public double MiddleAfter => After[After.Count / 2][Steps.Count / 2];

    internal static double Mean(IReadOnlyList<IReadOnlyList<double>> losses) => losses.SelectMany(static row => row).Average();
}
