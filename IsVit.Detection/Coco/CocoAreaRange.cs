namespace IsVit.Detection.Coco;

/// <summary>A range of object sizes that is scored apart.</summary>
/// <param name="Name">Its name; "small", "medium" and "large" are s, m and l in the names of scores.</param>
/// <param name="Minimum">The smallest area in square pixels, inclusive.</param>
/// <param name="Maximum">The largest, inclusive.</param>
public readonly record struct CocoAreaRange(string Name, double Minimum, double Maximum)
{
    internal string Suffix => Name is "small" or "medium" or "large" ? Name[..1] : Name;

    internal bool Holds(double area) => area >= Minimum && area <= Maximum;
}
