using System.Diagnostics;
using System.Globalization;

namespace IsVit.Tool.Evaluation;

/// <summary>The most memory that this process has held at once.</summary>
internal static class PeakMemory
{
    private const string Status = "/proc/self/status";
    private const string Field = "VmHWM:";

    /// <summary>The peak of the resident memory in megabytes (10^6 bytes), native memory included.</summary>
    public static double Megabytes()
    {
        // .NET's own figure is a sample on Linux; the kernel keeps the true peak.
        if (File.Exists(Status))
        {
            foreach (var line in File.ReadLines(Status))
            {
                if (line.StartsWith(Field, StringComparison.Ordinal)
                    && long.TryParse(line.AsSpan(Field.Length).TrimEnd("kB").Trim(), NumberStyles.Integer, CultureInfo.InvariantCulture, out var kibibytes))
                {
                    return kibibytes * 1024 / 1e6;
                }
            }
        }

        using var process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64 / 1e6;
    }
}
