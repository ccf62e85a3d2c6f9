namespace IsVit.Core.Models.Pretrained;

/// <summary>The ratio that a model's options express a hidden width by.</summary>
internal static class HiddenRatio
{
    /// <summary>The smallest ratio that gives the hidden width when multiplied and rounded down.</summary>
    /// <param name="hidden">The hidden width.</param>
    /// <param name="width">The width of a token.</param>
    public static double Of(int hidden, int width)
    {
        var ratio = (double)hidden / width;
        return (int)(width * ratio) < hidden ? Math.BitIncrement(ratio) : ratio;
    }
}
