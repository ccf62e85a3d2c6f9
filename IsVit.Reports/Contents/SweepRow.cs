namespace IsVit.Reports.Contents;

/// <summary>A run of a sweep.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Model">The model's name.</param>
/// <param name="Method">The recipe.</param>
/// <param name="WeightBits">Bits of weights; null where the run did not end.</param>
/// <param name="ActivationBits">Bits of activations; null where the run did not end.</param>
/// <param name="Seed">The seed; null where the run did not end.</param>
public sealed record SweepRow(string Name, string Model, string Method, int? WeightBits, int? ActivationBits, int? Seed)
{
    /// <summary>The quantized model's score; null if there is none.</summary>
    public double? Score { get; init; }

    /// <summary>The float model's score; null if there is none.</summary>
    public double? FloatScore { get; init; }

    /// <summary>The mean squared difference of the logits from the float model's; null if it was not measured.</summary>
    public double? LogitsMse { get; init; }

    /// <summary>The length of the quantized model's file.</summary>
    public long? ModelBytes { get; init; }

    /// <summary>The float model's parameters, in bytes.</summary>
    public long? FloatBytes { get; init; }

    /// <summary>The time of the run, in seconds.</summary>
    public double? Seconds { get; init; }

    /// <summary>The worker that ended it.</summary>
    public string? Worker { get; init; }

    /// <summary>How often it was begun.</summary>
    public int Tries { get; init; }

    /// <summary>Why there is no result; null if there is one.</summary>
    public string? Error { get; init; }
}
