namespace IsVit.Onnx.Quantization;

/// <summary>How a quantized model's products are written where ONNX Runtime has a fast kernel that does not compute what the library does.</summary>
public enum OnnxKernels
{
    /// <summary>
    /// As the library computes them, on every processor. Signed 8-bit weights only where no sum of two products leaves 16 bits, for that is where kernels for AVX2 and AVX-512 without VNNI saturate: always up to
    /// 6 bits, and for symmetric weights of 7; others are unsigned. Weights of activations in float become float when the file is loaded.
    /// </summary>
    Exact,

    /// <summary>
    /// What is fastest on processors with VNNI or ARM's dot products: all weights that fit are signed, and those of activations in float stay integers behind DequantizeLinear, which ONNX Runtime turns into
    /// MatMulNBits: it rounds the activations to 8 bits, 32 at a time.
    /// </summary>
    Fast,
}
