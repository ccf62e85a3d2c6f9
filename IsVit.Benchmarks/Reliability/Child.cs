using System.Diagnostics;
using System.Globalization;

namespace IsVit.Benchmarks.Reliability;

/// <summary>Starts programs of this folder as processes of their own, whose libtorch has one thread: they are small, and threads that wait for work take the processor from other runs.</summary>
internal static class Child
{
    /// <summary>What starts a program that is no host of its own.</summary>
    private static string Host => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";

    /// <summary>What starts one part of this program.</summary>
    /// <param name="arguments">The arguments behind <c>reliability</c>.</param>
    public static ProcessStartInfo Part(params IEnumerable<string> arguments) => Program("IsVit.Benchmarks.dll", ["reliability", .. arguments]);

    /// <summary>What starts a program.</summary>
    /// <param name="file">Its assembly, in this program's folder.</param>
    /// <param name="arguments">Its arguments.</param>
    public static ProcessStartInfo Program(string file, params IEnumerable<string> arguments) => Redirected(Host, [Path.Combine(AppContext.BaseDirectory, file), .. arguments]);

    /// <summary>The same, within limits.</summary>
    /// <param name="start">What starts the process.</param>
    /// <param name="limiter">The program that sets the limits and becomes the process, with its arguments.</param>
    public static ProcessStartInfo Within(ProcessStartInfo start, params IEnumerable<string> limiter)
    {
        var words = limiter.ToList();
        var limited = Redirected(words[0], [.. words.Skip(1), start.FileName, .. start.ArgumentList]);
        foreach (var (name, value) in start.Environment)
        {
            limited.Environment[name] = value;
        }

        return limited;
    }

    /// <summary>The most memory of a process so far, in bytes; 0 once it has ended.</summary>
    /// <param name="process">The process.</param>
    public static long PeakOf(Process process)
    {
        try
        {
            var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/status")).FirstOrDefault(static line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan(6).TrimEnd("kB").Trim(), NumberStyles.None, CultureInfo.InvariantCulture) * 1024;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static ProcessStartInfo Redirected(string file, IEnumerable<string> arguments) => new(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["OMP_NUM_THREADS"] = "1" } };
}
