namespace IsVit.Optimization.Observation;

/// <summary>Which calibration images steps are taken on, and which the states that they lead to are judged by.</summary>
/// <param name="Training">The numbers of the former.</param>
/// <param name="HeldOut">The numbers of the latter; all images where none can be spared.</param>
internal sealed record CalibrationSplit(int[] Training, int[] HeldOut)
{
    private const int FewestImages = 16;

    /// <summary>Whether the images that judge are others than those that train.</summary>
    public bool IsSplit => !ReferenceEquals(Training, HeldOut);

    /// <summary>How many images steps are taken on.</summary>
    /// <param name="count">How many images there are.</param>
    /// <param name="share">How many of them are held out, rounded down.</param>
    public static int TrainingCount(int count, double share) => count < FewestImages ? count : count - (int)(count * share);

    /// <summary>Draws the images that are held out.</summary>
    /// <param name="count">How many images there are, at least 1.</param>
    /// <param name="share">How many of them are held out, rounded down.</param>
    /// <param name="seed">What the draw depends on.</param>
    public static CalibrationSplit Of(int count, double share, int seed)
    {
        var all = Enumerable.Range(0, count).ToArray();
        var heldOut = count - TrainingCount(count, share);
        if (heldOut == 0)
        {
            return new(all, all);
        }

        new Random(seed).Shuffle(all);
        return new(all[heldOut..], all[..heldOut]);
    }
}
