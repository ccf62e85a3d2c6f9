namespace IsVit.Model.Quantization;

/// <summary>What a twin uniform quantizer's range bit selects.</summary>
public enum TwinRanges
{
    /// <summary>Small or large numbers, none negative: for post-Softmax activations.</summary>
    Magnitude,

    /// <summary>Negative or non-negative numbers: for post-GELU activations.</summary>
    Sign,
}
