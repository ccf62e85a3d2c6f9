namespace IsVit.Detection.Scenes;

/// <summary>What the scenes of a <see cref="SceneComposer"/> look like.</summary>
public sealed record SceneOptions
{
    private readonly int _side = 128;
    private readonly int _minObjects = 1;
    private readonly int _maxObjects = 6;
    private readonly int _minObjectSide = 24;
    private readonly int _maxObjectSide = 72;
    private readonly double _maxHiddenShare = 0.4;
    private readonly double _maxRotation = 8;
    private readonly byte _threshold = 32;
    private readonly int _minPiecePixels = 12;
    private readonly int _minClutter = 3;
    private readonly int _maxClutter = 10;
    private readonly int _maxNoise = 12;

    /// <summary>The largest <see cref="Side"/>.</summary>
    public const int LargestSide = 1024;

    /// <summary>The largest <see cref="MaxObjects"/>, <see cref="MaxClutter"/> and <see cref="MaxNoise"/>.</summary>
    public const int LargestCount = 100;

    /// <summary>Chooses the series of scenes: equal seeds and indices give equal scenes on every machine. 0 by default.</summary>
    public long Seed { get; init; }

    /// <summary>The width and height of a scene in pixels: a multiple of 32 up to <see cref="LargestSide"/>; 128 by default.</summary>
    public int Side
    {
        get => _side;
        init => _side = value is >= 32 and <= LargestSide && value % 32 == 0 ? value : throw Bad(nameof(Side), value, "a multiple of 32 up to 1024");
    }

    /// <summary>The fewest objects drawn for a scene, at least 1; 1 by default. A scene can have fewer where no place is found that shows enough of one.</summary>
    public int MinObjects
    {
        get => _minObjects;
        init => _minObjects = Within(nameof(MinObjects), value, 1, LargestCount);
    }

    /// <summary>The most objects in a scene, up to <see cref="LargestCount"/>; 6 by default.</summary>
    public int MaxObjects
    {
        get => _maxObjects;
        init => _maxObjects = Within(nameof(MaxObjects), value, 1, LargestCount);
    }

    /// <summary>
    /// The smallest longer side of an object in pixels, at least 8; 24 by default. It is that of the pixels from <see cref="Threshold"/> on before turning; resampling
    /// lets the silhouette grow by less than half a pixel of the sprite at each edge.
    /// </summary>
    public int MinObjectSide
    {
        get => _minObjectSide;
        init => _minObjectSide = Within(nameof(MinObjectSide), value, 8, LargestSide);
    }

    /// <summary>The largest longer side of an object in pixels, at most <see cref="Side"/>; 72 by default. All sides between are equally frequent.</summary>
    public int MaxObjectSide
    {
        get => _maxObjectSide;
        init => _maxObjectSide = Within(nameof(MaxObjectSide), value, 8, LargestSide);
    }

    /// <summary>The share of an object's silhouette that may be hidden by others, 0 (no overlaps) to 0.9; 0.4 by default. Where more were hidden, another place is tried.</summary>
    public double MaxHiddenShare
    {
        get => _maxHiddenShare;
        init => _maxHiddenShare = value is >= 0 and <= 0.9 ? value : throw Bad(nameof(MaxHiddenShare), value, "0 to 0.9");
    }

    /// <summary>Whether half of the objects are mirrored left to right; true by default.</summary>
    public bool Mirror { get; init; } = true;

    /// <summary>The largest angle in degrees by which an object is turned to either side, 0 to 180; 8 by default.</summary>
    public double MaxRotation
    {
        get => _maxRotation;
        init => _maxRotation = value is >= 0 and <= 180 ? value : throw Bad(nameof(MaxRotation), value, "0 to 180 degrees");
    }

    /// <summary>From this grey value on a resampled pixel of a sprite belongs to its silhouette, at least 1; 32 by default. Holes in the silhouette are filled.</summary>
    public byte Threshold
    {
        get => _threshold;
        init => _threshold = value >= 1 ? value : throw Bad(nameof(Threshold), value, "1 to 255");
    }

    /// <summary>
    /// The fewest pixels of a connected piece of an object, at least 1; 12 by default. Smaller pieces of a silhouette, and smaller remainders that others leave of it,
    /// are not drawn and belong to no mask.
    /// </summary>
    public int MinPiecePixels
    {
        get => _minPiecePixels;
        init => _minPiecePixels = Within(nameof(MinPiecePixels), value, 1, LargestSide);
    }

    /// <summary>The fewest pieces of clutter (lines, textured patches and blobs) behind the objects, 0 or more; 3 by default.</summary>
    public int MinClutter
    {
        get => _minClutter;
        init => _minClutter = Within(nameof(MinClutter), value, 0, LargestCount);
    }

    /// <summary>The most pieces of clutter, up to <see cref="LargestCount"/>; 10 by default.</summary>
    public int MaxClutter
    {
        get => _maxClutter;
        init => _maxClutter = Within(nameof(MaxClutter), value, 0, LargestCount);
    }

    /// <summary>The largest amplitude, in grey values, of the noise over the whole scene, 0 to <see cref="LargestCount"/>; 12 by default. Each scene has its own up to it.</summary>
    public int MaxNoise
    {
        get => _maxNoise;
        init => _maxNoise = Within(nameof(MaxNoise), value, 0, LargestCount);
    }

    /// <summary>Checks options against each other.</summary>
    /// <exception cref="ArgumentException">A lower limit is above the upper one, or objects are larger than scenes.</exception>
    internal void Validate()
    {
        RequireOrder(nameof(MinObjects), MinObjects, nameof(MaxObjects), MaxObjects);
        RequireOrder(nameof(MinObjectSide), MinObjectSide, nameof(MaxObjectSide), MaxObjectSide);
        RequireOrder(nameof(MaxObjectSide), MaxObjectSide, nameof(Side), Side);
        RequireOrder(nameof(MinClutter), MinClutter, nameof(MaxClutter), MaxClutter);
    }

    private static void RequireOrder(string lowName, int low, string highName, int high)
    {
        if (low > high)
        {
            throw new ArgumentException(FormattableString.Invariant($"{lowName} is {low}, expected at most {highName}, which is {high}."), lowName);
        }
    }

    private static int Within(string name, int value, int low, int high) =>
        value >= low && value <= high ? value : throw Bad(name, value, FormattableString.Invariant($"{low} to {high}"));

    private static ArgumentOutOfRangeException Bad(string name, object value, string expected) => new(name, value, $"{name} is {expected}.");
}
