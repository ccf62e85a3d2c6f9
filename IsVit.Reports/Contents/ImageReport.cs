namespace IsVit.Reports.Contents;

/// <summary>An image and what both models make of it.</summary>
public sealed record ImageReport
{
    /// <summary>The image's place among the samples, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The class that the float model predicts.</summary>
    public required string FloatClass { get; init; }

    /// <summary>Its probability.</summary>
    public required double FloatProbability { get; init; }

    /// <summary>The class that the quantized model predicts.</summary>
    public required string QuantizedClass { get; init; }

    /// <summary>Its probability.</summary>
    public required double QuantizedProbability { get; init; }

    /// <summary>The image as a PNG file, with its contrast stretched.</summary>
    public required byte[] Picture { get; init; }

    /// <summary>How much the class token attends to each patch in the last block of the float model, the mean over heads, as a PNG file; null for models without such attention.</summary>
    public byte[]? FloatAttention { get; init; }

    /// <summary>The same of the quantized model.</summary>
    public byte[]? QuantizedAttention { get; init; }
}
