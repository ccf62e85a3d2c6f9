using IsVit.Detection.Operators;
using IsVit.Detection.Training;
using TorchSharp;

namespace IsVit.Tests.Detection.Training;

public sealed class RegionLossTests
{
    private static readonly BoxCoder s_coder = new(standardDeviations: [0.1, 0.1, 0.2, 0.2]);

    [Fact]
    public void Draw_ObjectsAndProposals_AreAssignedByTheOverlap()
    {
        using var batch = Batch();
        var sample = Sample(batch, 0.5);

        // The objects' own boxes, the proposal that overlaps the first one by 0.8, then the background.
        Assert.Equal([1, 0, 1, 2], sample.Labels);
        Assert.Equal([0, 1, 2], sample.Positives);
        Assert.Equal([0, 1, 0], sample.Objects);
        Assert.Equal([0f, 0, 0, 10, 10, 0, 20, 20, 30, 30, 0, 0, 0, 8, 10, 0, 12, 0, 16, 4], sample.Rois);
        Assert.Equal([0f, 0, 10, 10, 20, 20, 30, 30, 0, 0, 10, 10], sample.Targets);
    }

    [Fact]
    public void Draw_ALaterStagesOverlap_LeavesTheProposalToTheBackground()
    {
        using var batch = Batch();

        Assert.Equal([1, 0, 2, 2], Sample(batch, 0.85).Labels);
    }

    [Fact]
    public void Classes_FourRegions_EqualsTheComputationByHand()
    {
        using var scope = torch.NewDisposeScope();
        using var batch = Batch();
        var loss = RegionLoss.Classes(torch.tensor([0f, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3]).view(4, 3), Sample(batch, 0.5));

        var expected = Math.Log(2 + Math.E) - 1 + Math.Log(2 + Math.Exp(2)) - 2 + Math.Log(3) + Math.Log(2 + Math.Exp(3)) - 3;
        Assert.Equal(expected / 4, loss.item<float>(), 1e-6);
    }

    [Fact]
    public void Boxes_RegionsOnObjects_CountByTheDifferencesOfTheirClass()
    {
        using var scope = torch.NewDisposeScope();
        using var batch = Batch();
        var deltas = torch.full(4, 8, 7f);
        deltas[0, 4..8] = torch.tensor([0.5f, 0, 0, -0.5f]); // wanted: zeros
        deltas[1, 0..4] = torch.tensor([0f, 0.25f, 0, 0]);   // wanted: zeros
        deltas[2, 4..8] = torch.tensor([1f, 0, 1, 0]);       // wanted: 0.125 / 0.1, 0, log(1.25) / 0.2, 0
        var loss = RegionLoss.Boxes(deltas, Sample(batch, 0.5), s_coder);

        Assert.Equal((1 + 0.25 + 0.25 + (Math.Log(1.25) / 0.2) - 1) / 4, loss.item<float>(), 1e-5);
    }

    [Fact]
    public void Masks_RegionsOnObjects_CountByTheLogitsOfTheirClass()
    {
        using var scope = torch.NewDisposeScope();
        using var batch = Batch();
        var logits = torch.full(3, 2, 1, 2, 50f);
        logits[0, 1] = torch.tensor([1f, -1]).view(1, 2);
        logits[1, 0] = torch.tensor([0f, 2]).view(1, 2);
        logits[2, 1] = torch.tensor([0f, 0]).view(1, 2);
        var loss = RegionLoss.Masks(logits, torch.tensor([1f, 0, 1, 0, 1, 1]).view(3, 1, 2), Sample(batch, 0.5));

        var expected = (2 * Math.Log(1 + Math.Exp(-1))) + Math.Log(2) + Math.Log(1 + Math.Exp(2)) + (2 * Math.Log(2));
        Assert.Equal(expected / 6, loss.item<float>(), 1e-6);
    }

    /// <summary>What the next stage gets: regions moved by their own class, without the objects' own boxes, within the image.</summary>
    [Fact]
    public void Corrected_RegionsOfAStage_MoveByTheirClassAndLeaveOutTheObjects()
    {
        using var scope = torch.NewDisposeScope();
        using var batch = Batch();
        var deltas = torch.zeros(4, 8);
        deltas[2, 4] = torch.tensor(2.5f); // the proposal on the object, of class 1: a quarter of its width to the right
        deltas[3, 0] = torch.tensor(-40f); // the background's, by its best class, 0: out of the image
        var scores = torch.tensor([0f, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 5]).view(4, 3);
        var corrected = Assert.Single(Sample(batch, 0.5).Corrected(scores, deltas, s_coder, batch));

        float[] expected = [2, 0, 10, 10, 0, 0, 0, 4];
        Assert.Equal(expected.Length, corrected.Length);
        Assert.All(expected.Zip(corrected), static pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    private static TrainingBatch Batch() => TrainingCases.Image(32, 32, (1, 0, 0, 10, 10), (0, 20, 20, 30, 30));

    private static SampledRegions Sample(TrainingBatch batch, double overlap) =>
        SampledRegions.Draw([[0, 0, 8, 10, 12, 0, 16, 4]], batch, overlap, new DetectorTrainingOptions { RegionsPerImage = 12 }, classCount: 2, new Random(0));
}
