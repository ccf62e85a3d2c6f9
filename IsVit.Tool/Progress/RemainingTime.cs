using System.Globalization;

namespace IsVit.Tool.Progress;

/// <summary>What is left, from what went by.</summary>
internal static class RemainingTime
{
    /// <summary>The time left, if the rest goes as the part done went.</summary>
    /// <param name="elapsed">The time gone by.</param>
    /// <param name="done">Steps done.</param>
    /// <param name="total">All steps.</param>
    /// <returns>Null before the first step.</returns>
    public static TimeSpan? Estimate(TimeSpan elapsed, long done, long total) =>
        done <= 0 ? null : elapsed * (Math.Max(0, total - done) / (double)done);

    /// <summary>Minutes and seconds, with hours where there are any.</summary>
    /// <param name="time">The time, or null when it is unknown.</param>
    public static string Format(TimeSpan? time) => time switch
    {
        null => "--:--",
        { TotalHours: >= 1 } t => string.Create(CultureInfo.InvariantCulture, $"{(int)t.TotalHours}:{t.Minutes:00}:{t.Seconds:00}"),
        { } t => string.Create(CultureInfo.InvariantCulture, $"{t.Minutes:00}:{t.Seconds:00}"),
    };

    /// <summary>An expected time as exact as it is known, with its unit.</summary>
    /// <param name="time">The time.</param>
    public static string Rounded(TimeSpan time)
    {
        var minutes = (long)Math.Round(time.TotalMinutes);
        return minutes switch
        {
            < 1 => "less than a minute",
            < 60 => string.Create(CultureInfo.InvariantCulture, $"about {minutes} min"),
            _ => string.Create(CultureInfo.InvariantCulture, $"about {minutes / 60} h {minutes % 60:00} min"),
        };
    }
}
