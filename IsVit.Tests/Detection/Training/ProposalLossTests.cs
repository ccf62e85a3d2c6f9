using IsVit.Detection.Imaging;
using IsVit.Detection.Models;
using IsVit.Detection.Operators;
using IsVit.Detection.Training;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Detection.Training;

public sealed class ProposalLossTests
{
    // Two anchors: -4 to 4 and 4 to 12, both -4 to 4 vertically.
    private static readonly AnchorGenerator s_anchors = new([8], [1], [1]);

    /// <summary>The second anchor overlaps the object by 7/9, with a shift of an eighth of its width.</summary>
    [Fact]
    public void Of_TwoAnchors_EqualsTheComputationByHand()
    {
        using var scope = torch.NewDisposeScope();
        using var batch = TrainingCases.Image(8, 16, (2, 5, -4, 13, 4));
        var (scores, boxes) = Loss().Of(Outputs(-1, 0.5f), batch);

        // The classes of both anchors, and |0.5 - 0.125| + 0.25 + 0.1 + 0.2 of the second one, over two anchors.
        Assert.Equal((Math.Log(1 + Math.Exp(-1)) + Math.Log(1 + Math.Exp(-0.5))) / 2, scores.item<float>(), 1e-6);
        Assert.Equal(0.925 / 2, boxes.item<float>(), 1e-6);
    }

    [Fact]
    public void Of_NoObject_BothAnchorsAreBackground()
    {
        using var scope = torch.NewDisposeScope();
        using var batch = TrainingCases.Image(8, 16);
        var (scores, boxes) = Loss().Of(Outputs(-1, 0.5f), batch);

        // MMDetection counts one anchor on an object where there is none: three in all.
        Assert.Equal((Math.Log(1 + Math.Exp(-1)) + Math.Log(1 + Math.Exp(0.5))) / 3, scores.item<float>(), 1e-6);
        Assert.Equal(0, boxes.item<float>());
    }

    [Fact]
    public void Of_AnchorInThePadding_TakesNoPart()
    {
        using var scope = torch.NewDisposeScope();
        using var batch = new TrainingBatch(new DetectorInput(torch.zeros(1, 3, 8, 16), [new ImageGeometry(8, 8)]), [[]]);
        var (scores, _) = Loss().Of(Outputs(-1, 0.5f), batch);

        Assert.Equal(Math.Log(1 + Math.Exp(-1)) / 2, scores.item<float>(), 1e-6);
    }

    private static ProposalLoss Loss() => new(s_anchors, new BoxCoder(), new DetectorTrainingOptions(), new Random(0));

    // Differences of the first anchor are of no account.
    private static (torch.Tensor Scores, torch.Tensor Deltas)[] Outputs(float first, float second) =>
    [
        (torch.tensor([first, second]).view(1, 1, 1, 2), torch.tensor([9f, 0.5f, 9, 0.25f, 9, -0.1f, 9, 0.2f]).view(1, 4, 1, 2)),
    ];
}
