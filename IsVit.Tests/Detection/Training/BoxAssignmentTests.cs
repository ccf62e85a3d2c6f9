using IsVit.Detection.Training;

namespace IsVit.Tests.Detection.Training;

public sealed class BoxAssignmentTests
{
    private const int Background = BoxAssignment.Background;
    private const int Neither = BoxAssignment.Neither;

    // Overlaps with the object 0 to 10 x 0 to 10, in order: 1, 0.8, 0.5, 0.2, 0.
    private static readonly float[] s_boxes = [0, 0, 10, 10, 0, 0, 8, 10, 0, 0, 10, 5, 0, 0, 2, 10, 20, 20, 30, 30];
    private static readonly float[] s_object = [0, 0, 10, 10];

    [Fact]
    public void Assign_Anchors_ByBothThresholds() =>
        Assert.Equal([0, 0, Neither, Background, Background], BoxAssignment.Assign(s_boxes, s_object, 0.7, 0.3, keepsBest: true));

    [Fact]
    public void Assign_OverlapEqualToAThreshold_IsAtLeastIt()
    {
        Assert.Equal([0, 0, 0, Background, Background], BoxAssignment.Assign(s_boxes, s_object, 0.5, 0.5, keepsBest: false));
        Assert.Equal([0, Neither, Neither, Background, Background], BoxAssignment.Assign(s_boxes, s_object, 0.9, 0.5, keepsBest: false));
    }

    [Fact]
    public void Assign_NoAnchorAboveTheThreshold_TheObjectKeepsItsBestOnesAlsoIfSeveral()
    {
        float[] boxes = [0, 0, 10, 5, 0, 5, 10, 10, 0, 0, 4, 10];

        Assert.Equal([0, 0, Neither], BoxAssignment.Assign(boxes, s_object, 0.7, 0.3, keepsBest: true));
        Assert.Equal([Neither, Neither, Neither], BoxAssignment.Assign(boxes, s_object, 0.7, 0.3, keepsBest: false));
    }

    [Fact]
    public void Assign_BestAnchorBelowTheLowerThreshold_IsNotKept() =>
        Assert.Equal([Background, Background], BoxAssignment.Assign([0, 0, 2, 10, 20, 20, 30, 30], s_object, 0.7, 0.3, keepsBest: true));

    [Fact]
    public void Assign_TwoObjects_EachBoxToTheOneItOverlapsMost()
    {
        float[] objects = [0, 0, 10, 10, 4, 0, 14, 10];

        Assert.Equal([0, 1], BoxAssignment.Assign([1, 0, 11, 10, 3, 0, 13, 10], objects, 0.7, 0.3, keepsBest: true));
    }

    /// <summary>An anchor that overlaps one object most is taken by another one that has none better, as in MMDetection.</summary>
    [Fact]
    public void Assign_BestAnchorOfALaterObject_IsTakenByIt()
    {
        float[] objects = [0, 0, 10, 10, 0, 0, 5, 10];

        Assert.Equal([1], BoxAssignment.Assign([0, 0, 10, 10], objects, 0.7, 0.3, keepsBest: true));
        Assert.Equal([0], BoxAssignment.Assign([0, 0, 10, 10], objects, 0.7, 0.3, keepsBest: false));
    }

    [Fact]
    public void Assign_NoObject_AllBackground() => Assert.Equal(Enumerable.Repeat(Background, 5), BoxAssignment.Assign(s_boxes, [], 0.7, 0.3, keepsBest: true));

    [Fact]
    public void Assign_BoxesThatTakeNoPart_AreNeitherAndNoObjectsBest()
    {
        bool[] allowed = [false, false, true, true, false];

        Assert.Equal([Neither, Neither, 0, Background, Neither], BoxAssignment.Assign(s_boxes, s_object, 0.7, 0.3, keepsBest: true, allowed));
    }
}
