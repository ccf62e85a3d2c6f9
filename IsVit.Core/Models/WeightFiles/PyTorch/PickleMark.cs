namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>What stands on a pickle's stack where a row of items begins.</summary>
internal sealed class PickleMark
{
    private PickleMark()
    {
    }

    /// <summary>The mark.</summary>
    public static PickleMark Instance { get; } = new();
}
