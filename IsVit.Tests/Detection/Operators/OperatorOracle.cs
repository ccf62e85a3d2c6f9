using IsVit.Core.Models.WeightFiles;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Operators;

/// <summary>Values of MMCV's and MMDetection's operators beside the repository.</summary>
internal static class OperatorOracle
{
    public static SafetensorsFile Open(string name) => SafetensorsFile.Open(SharedData.Oracle($"detection_ops/{name}.safetensors"));

    /// <summary>The tensor of a name, for xunit's comparison of sequences.</summary>
    public static long[] Integers(this SafetensorsFile file, string name)
    {
        using var tensor = file.Read(name);
        return [.. tensor.data<long>()];
    }

    public static long[] Integers(torch.Tensor tensor) => [.. tensor.data<long>()];
}
