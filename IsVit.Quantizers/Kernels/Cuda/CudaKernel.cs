using IsVit.Quantizers.Tables;
using TorchSharp;

namespace IsVit.Quantizers.Kernels.Cuda;

/// <summary>One kernel: an operation of fake_quantize.cu and the type of the elements.</summary>
/// <param name="Operation">The operation as the source spells it.</param>
/// <param name="Type">float32, float16 or bfloat16.</param>
internal readonly record struct CudaKernel(string Operation, torch.ScalarType Type)
{
    /// <summary>The kernel's name in every compilation.</summary>
    public const string Name = "fake_quantize";

    private static readonly string[] s_operations =
    [
        "UniformForward<PerTensor>", "UniformForward<PerPack>", "UniformForward<Last>", "UniformForward<Any>",
        "UniformBackward<PerTensor>", "UniformBackward<PerPack>", "UniformBackward<Last>", "UniformBackward<Any>",
        "TableForward<TYPE, 4>", "TableForward<TYPE, 8>", "TableBackwardOne", "TableBackwardRatio<4>", "TableBackwardRatio<8>",
    ];

    /// <summary>Every kernel there is.</summary>
    public static IEnumerable<CudaKernel> All =>
        from type in (torch.ScalarType[])[torch.ScalarType.Float32, torch.ScalarType.Float16, torch.ScalarType.BFloat16]
        from operation in s_operations
        select new CudaKernel(operation, type);

    /// <summary>The name of <see cref="Type"/> in the source.</summary>
    public string TypeName => Type.ToString();

    /// <summary>Whether there are kernels for a type.</summary>
    public static bool Supports(torch.ScalarType type) => type is torch.ScalarType.Float32 or torch.ScalarType.Float16 or torch.ScalarType.BFloat16;

    /// <summary>Fake quantization of elements whose channels lie like this.</summary>
    /// <param name="type">The type of the elements.</param>
    /// <param name="backward">Whether for the gradient.</param>
    /// <param name="layout">How channels lie.</param>
    /// <param name="head">Elements before the first pack.</param>
    /// <param name="aligned">Whether the parameters begin at multiples of 16 bytes.</param>
    public static CudaKernel Uniform(torch.ScalarType type, bool backward, ChannelLayout layout, int head, bool aligned)
    {
        var pack = Elements.PackBytes / SizeOf(type);
        var form = layout.Channels == 1 ? 0
            : head == 0 && layout.Inner % pack == 0 ? 1
            : head == 0 && layout.Inner == 1 && layout.Channels % pack == 0 && aligned ? 2
            : 3;
        return new(s_operations[(backward ? 4 : 0) + form], type);
    }

    /// <summary>The level of every element.</summary>
    public static CudaKernel TableForward(torch.ScalarType type, int levels) => new(s_operations[levels <= LevelTable.ShortLength ? 8 : 9], type);

    /// <summary>The gradient of levels that are linear in what is rounded.</summary>
    public static CudaKernel TableBackwardOne(torch.ScalarType type) => new(s_operations[10], type);

    /// <summary>The gradient of levels that are exponential in what is rounded.</summary>
    public static CudaKernel TableBackwardRatio(torch.ScalarType type, int levels) => new(s_operations[levels <= LevelTable.ShortLength ? 11 : 12], type);

    /// <summary>Bytes of an element.</summary>
    public static int SizeOf(torch.ScalarType type) => type == torch.ScalarType.Float32 ? 4 : 2;
}
