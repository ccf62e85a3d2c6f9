using IsVit.Tool.Runs;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Tool;

public sealed class BenchCandidateTests
{
    /// <summary>A reader divides the medians that stand beside the speed.</summary>
    [Fact]
    public void SpeedAgainst_RoundsThatVary_IsTheRatioOfTheMedians()
    {
        using var first = Candidate(10, 40, 20);
        using var second = Candidate(10, 5, 50);

        Assert.Equal((20, 10), (first.Median(8), second.Median(8)));
        Assert.Equal(2, second.SpeedAgainst(first, 8));
        Assert.Equal(0.5, first.SpeedAgainst(second, 8));
    }

    private static BenchCandidate Candidate(params double[] times)
    {
        var candidate = new BenchCandidate("one", 1, nn.Identity(), [1, 2, 2]);
        foreach (var time in times)
        {
            candidate.Add(8, time);
        }

        return candidate;
    }
}
