namespace IsVit.Quantizers.Tables;

/// <summary>A table of levels for each channel, all of the same length and with codes from the smallest level on. A level, or a threshold, of all channels lies side by side.</summary>
internal sealed class ChannelTables
{
    /// <param name="tables">One a channel.</param>
    public ChannelTables(IReadOnlyList<LevelTable> tables)
    {
        Channels = tables.Count;
        ThresholdCount = tables[0].Thresholds.Length;
        Levels = SideBySide(tables, static table => table.Levels);
        Thresholds = SideBySide(tables, static table => table.Thresholds);
        Lowest = [.. tables.Select(static table => table.Lowest)];
        Highest = [.. tables.Select(static table => table.Highest)];
        Codes = new float[Levels.Length];
        for (var i = 0; i < Codes.Length; i++)
        {
            Codes[i] = i / Channels;
        }
    }

    /// <summary>How many channels there are.</summary>
    public int Channels { get; }

    /// <summary>How many thresholds a channel has, one less than levels.</summary>
    public int ThresholdCount { get; }

    /// <summary>[levels, channels], ascending along the first axis.</summary>
    public float[] Levels { get; }

    /// <summary>[levels, channels]: each level's code, so that what finds levels finds codes.</summary>
    public float[] Codes { get; }

    /// <summary>[thresholds, channels], ascending along the first axis.</summary>
    public float[] Thresholds { get; }

    /// <summary>Of each channel the smallest number that is not clamped.</summary>
    public float[] Lowest { get; }

    /// <summary>Of each channel the largest number that is not clamped.</summary>
    public float[] Highest { get; }

    private static float[] SideBySide(IReadOnlyList<LevelTable> tables, Func<LevelTable, float[]> values)
    {
        var length = values(tables[0]).Length;
        var result = new float[length * tables.Count];
        for (var channel = 0; channel < tables.Count; channel++)
        {
            var own = values(tables[channel]);
            for (var i = 0; i < length; i++)
            {
                result[(i * tables.Count) + channel] = own[i];
            }
        }

        return result;
    }
}
