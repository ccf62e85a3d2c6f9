namespace IsVit.Onnx.Quantization;

/// <summary>The form of a quantized model's products where ONNX Runtime has a fast kernel that does not compute what the library does.</summary>
public enum OnnxKernels
{
    /// <summary>
    /// As the library computes them, on every processor. Weights are signed 8-bit integers only if no sum of two products exceeds 16 bits, because kernels for AVX2 and AVX-512 without VNNI saturate there: always up to
    /// 6 bits, and for symmetric weights of 7; others are unsigned. Weights that multiply float activations are converted to float when the file is loaded.
    /// </summary>
    Exact,

    /// <summary>
    /// The fastest form on processors with VNNI or ARM's dot products: all weights that fit are signed, and those that multiply float activations stay integers followed by DequantizeLinear, which ONNX Runtime fuses into
    /// MatMulNBits: it rounds the activations to 8 bits, 32 at a time.
    /// </summary>
    Fast,
}
