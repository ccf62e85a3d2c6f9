using System.Globalization;

namespace IsVit.Benchmarks;

/// <summary>This process's memory that is resident, native memory included, in bytes, as Linux tells it.</summary>
internal static class ResidentMemory
{
    /// <summary>What is resident now.</summary>
    public static long Now => Status("VmRSS");

    /// <summary>The most that has been resident at once.</summary>
    public static long Peak => Status("VmHWM");

    /// <summary>Counts the peak from now on.</summary>
    public static void ForgetPeak() => File.WriteAllText("/proc/self/clear_refs", "5");

    private static long Status(string name)
    {
        var line = File.ReadLines("/proc/self/status").First(line => line.StartsWith(name + ":", StringComparison.Ordinal));
        return long.Parse(line.AsSpan(name.Length + 1).TrimEnd("kB").Trim(), NumberStyles.None, CultureInfo.InvariantCulture) * 1024;
    }
}
