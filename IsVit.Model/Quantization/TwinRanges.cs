namespace IsVit.Model.Quantization;

/// <summary>What a twin uniform quantizer's range bit selects.</summary>
public enum TwinRanges
{
    /// <summary>Small or large values, none negative: for post-Softmax activations.</summary>
    Magnitude,

    /// <summary>Negative or non-negative values: for post-GELU activations.</summary>
    Sign,
}
