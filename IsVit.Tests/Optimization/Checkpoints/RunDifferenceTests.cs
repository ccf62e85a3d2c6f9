using System.Text.Json;
using IsVit.Optimization.Checkpoints;
using IsVit.Optimization.Options;

namespace IsVit.Tests.Optimization.Checkpoints;

public sealed class RunDifferenceTests
{
    [Fact]
    public void Describe_Options_NamesEachWithBothValues()
    {
        var there = new QuantizationOptions { Sparsity = SparsityHandling.Keep, Reconstruction = new() { Iterations = 20 } };
        var here = new QuantizationOptions { WeightBits = 3, Overrides = [new SiteOverride { Pattern = "blocks.*.mlp.fc1", Bits = 8 }] };

        Assert.Equal(
            "options (WeightBits is 4 there and 3 here; Sparsity is \"Keep\" there and \"Warn\" here; Reconstruction.Iterations is 20 there and not set here; Overrides)",
            RunDifference.Describe("options", JsonSerializer.Serialize(there), JsonSerializer.Serialize(here)));
    }

    [Theory]
    [InlineData("options", "no JSON", "options")]
    [InlineData("options", null, "options")]
    [InlineData("weights", "AB", "weights")]
    [InlineData("versions", "1.0 0.107", "versions (1.0 0.107 there, {} here)")]
    public void Describe_Others_AreNamed(string key, string? there, string expected) => Assert.Equal(expected, RunDifference.Describe(key, there, "{}"));
}
