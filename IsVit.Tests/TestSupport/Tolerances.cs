using TorchSharp;

namespace IsVit.Tests.TestSupport;

/// <summary>How far apart two computations of the same values may lie: |actual - expected| &lt;= Absolute + Relative * |expected|.</summary>
internal readonly record struct Tolerance(double Relative, double Absolute);

/// <summary>The one table of tolerances. Tests that need another figure take it from a specification and name it.</summary>
internal static class Tolerances
{
    /// <summary>By the type the values were computed in: some eight units in the last place, and a hundredth of that near zero.</summary>
    public static Tolerance For(torch.ScalarType type) => type switch
    {
        torch.ScalarType.Float64 => new(1e-12, 1e-14),
        torch.ScalarType.Float32 => new(1e-5, 1e-7),
        torch.ScalarType.Float16 => new(8e-3, 8e-5),
        torch.ScalarType.BFloat16 => new(6e-2, 6e-4),
        _ => default,
    };
}
