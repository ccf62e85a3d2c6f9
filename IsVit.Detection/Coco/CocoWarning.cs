namespace IsVit.Detection.Coco;

/// <summary>Something suspicious in a dataset or in results, which pycocotools accepts without a word.</summary>
/// <param name="What">What it is, and what becomes of it.</param>
/// <param name="Count">How many entries it concerns.</param>
/// <param name="FirstIds">The ids of the first few; of results, their places in the file, from 1.</param>
public sealed record CocoWarning(string What, int Count, IReadOnlyList<long> FirstIds)
{
    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{Count} x {What} ({string.Join(", ", FirstIds.Select(id => FormattableString.Invariant($"{id}")))}{(Count > FirstIds.Count ? ", ..." : string.Empty)})");
}
