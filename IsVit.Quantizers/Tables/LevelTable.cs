namespace IsVit.Quantizers.Tables;

/// <summary>
/// A quantizer as two short lists: 2^b levels in ascending order and the 2^b - 1 thresholds between them. Position i holds the numbers from threshold i-1
/// (inclusive) to threshold i. Finding a position needs comparisons only, so that every path gives the same bits.
/// </summary>
internal sealed class LevelTable
{
    private readonly Lazy<LevelBuckets?> _buckets;
    private LevelTable? _ofCodes;

    /// <summary>The most levels of a table that is held in registers.</summary>
    public const int ShortLength = 16;

    private LevelTable(float[] levels, float[] thresholds, byte[] codes, float lowest, float highest, SlopeKind slope, float shift)
    {
        Levels = levels;
        Thresholds = thresholds;
        Codes = codes;
        Positions = new byte[codes.Length];
        for (var i = 0; i < codes.Length; i++)
        {
            Positions[codes[i]] = (byte)i;
        }

        LevelsByCode = Array.ConvertAll(Positions, p => levels[p]);
        Lowest = lowest;
        Highest = highest;
        Slope = slope;
        Shift = shift;
        _buckets = new(() => levels.Length > ShortLength ? LevelBuckets.Create(this) : null);
        if (levels.Length <= ShortLength)
        {
            PaddedLevels = Pad(levels, levels[^1]);
            PaddedThresholds = Pad(thresholds, float.NaN);
        }
    }

    /// <summary>What each position stands for, ascending.</summary>
    public float[] Levels { get; }

    /// <summary>Where each position but the first begins, ascending.</summary>
    public float[] Thresholds { get; }

    /// <summary>The code of each position.</summary>
    public byte[] Codes { get; }

    /// <summary>The position of each code.</summary>
    public byte[] Positions { get; }

    /// <summary>What each code stands for.</summary>
    public float[] LevelsByCode { get; }

    /// <summary>The smallest number that is not clamped: below it no gradient passes.</summary>
    public float Lowest { get; }

    /// <summary>The largest number that is not clamped: above it no gradient passes.</summary>
    public float Highest { get; }

    /// <summary>The straight-through slope inside the range.</summary>
    public SlopeKind Slope { get; }

    /// <summary>What a logarithmic scheme adds before taking the logarithm (eta), 0 elsewhere.</summary>
    public float Shift { get; }

    /// <summary>The levels of a short table, filled up to 16; null for a longer one.</summary>
    public float[]? PaddedLevels { get; }

    /// <summary>The thresholds of a short table, filled up to 16 with NaN; null for a longer one.</summary>
    public float[]? PaddedThresholds { get; }

    /// <summary>A long table's buckets, made when they are first asked for; null for a short one, or where thresholds lie too close.</summary>
    public LevelBuckets? Buckets => _buckets.Value;

    /// <summary>The same thresholds with codes in place of levels, so that what finds levels finds codes.</summary>
    public LevelTable OfCodes => _ofCodes ??= new(Array.ConvertAll(Codes, static code => (float)code), Thresholds, Codes, Lowest, Highest, Slope, Shift);

    /// <summary>Rounds exact levels and thresholds to float32.</summary>
    /// <param name="levels">2^b levels, ascending, equal ones allowed.</param>
    /// <param name="thresholds">2^b - 1, ascending.</param>
    /// <param name="codes">The code of each position.</param>
    /// <param name="lowest">The smallest number that is not clamped.</param>
    /// <param name="highest">The largest number that is not clamped.</param>
    /// <param name="slope">The straight-through slope inside the range.</param>
    /// <param name="shift">What the scheme adds before taking the logarithm.</param>
    public static LevelTable Create(
        ReadOnlySpan<double> levels, ReadOnlySpan<double> thresholds, byte[] codes, double lowest, double highest, SlopeKind slope, double shift)
    {
        var floatLevels = new float[levels.Length];
        for (var i = 0; i < levels.Length; i++)
        {
            floatLevels[i] = Nearest(levels[i]);
        }

        var floatThresholds = new float[thresholds.Length];
        for (var i = 0; i < thresholds.Length; i++)
        {
            var threshold = Above(thresholds[i]);

            // Levels a few float32 steps apart: rounding must not push a level out of its own bin.
            if (levels[i] < thresholds[i] && thresholds[i] < levels[i + 1] && floatLevels[i] < floatLevels[i + 1])
            {
                threshold = Math.Clamp(threshold, MathF.BitIncrement(floatLevels[i]), floatLevels[i + 1]);
            }

            floatThresholds[i] = threshold;
        }

        return new LevelTable(floatLevels, floatThresholds, codes, Above(lowest), Below(highest), slope, (float)shift);
    }

    private static float[] Pad(float[] values, float filler)
    {
        var padded = new float[ShortLength];
        Array.Fill(padded, filler);
        values.CopyTo(padded, 0);
        return padded;
    }

    private static float Nearest(double value) => (float)Math.Clamp(value, -float.MaxValue, float.MaxValue) + 0f;

    /// <summary>The smallest float32 that is not below the value: comparing float32 numbers with it is comparing with the value.</summary>
    private static float Above(double value)
    {
        var near = (float)value;
        return near < value ? MathF.BitIncrement(near) : near;
    }

    private static float Below(double value)
    {
        var near = (float)value;
        return near > value ? MathF.BitDecrement(near) : near;
    }
}
