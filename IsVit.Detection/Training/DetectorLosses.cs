namespace IsVit.Detection.Training;

/// <summary>The losses of a step, those of several stages weighted and added.</summary>
/// <param name="ProposalScores">Cross entropy of the anchors: object or not.</param>
/// <param name="ProposalBoxes">Mean distance of the differences of anchors on objects.</param>
/// <param name="Classes">Cross entropy of the regions' classes.</param>
/// <param name="Boxes">Mean distance of the differences of regions on objects.</param>
/// <param name="Masks">Cross entropy of the pixels of masks.</param>
public readonly record struct DetectorLosses(double ProposalScores, double ProposalBoxes, double Classes, double Boxes, double Masks)
{
    /// <summary>What is minimized.</summary>
    public double Total => ProposalScores + ProposalBoxes + Classes + Boxes + Masks;
}
