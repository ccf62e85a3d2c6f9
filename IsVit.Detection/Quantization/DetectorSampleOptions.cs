namespace IsVit.Detection.Quantization;

/// <summary>How many regions of each image the heads of a detector are calibrated and reconstructed on.</summary>
public sealed record DetectorSampleOptions
{
    /// <summary>Regions per image that box heads classify, taken evenly from all proposals, best to worst. Their features take channels x 7 x 7 x 4 bytes each (50 KB for 256 channels).</summary>
    public int BoxRegions { get; init; } = 128;

    /// <summary>Regions per image that masks are drawn in: the best detections.</summary>
    public int MaskRegions { get; init; } = 16;

    /// <summary>Anchors per image whose proposals are compared: the lower an anchor's score, the fewer of its like.</summary>
    public int Anchors { get; init; } = 256;

    /// <summary>Images that run through the detector at once.</summary>
    public int BatchSize { get; init; } = 1;

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BoxRegions, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaskRegions, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(Anchors, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 1);
    }
}
