namespace IsVit.Detection.Coco;

/// <summary>Something within an entry of a file is not what was expected; becomes a <see cref="CocoException"/> once the whole entry is read, and with it its id.</summary>
internal sealed class CocoEntryException(string expected, string found) : Exception($"expected {expected}, found {found}")
{
    public string Expected { get; } = expected;

    public string Found { get; } = found;
}
