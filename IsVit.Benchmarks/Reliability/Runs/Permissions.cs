using System.Diagnostics;

namespace IsVit.Benchmarks.Reliability.Runs;

/// <summary>Programs of the system that are run for what they change.</summary>
internal static class Permissions
{
    /// <summary>Changes a folder's mode.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="mode">The mode, as chmod takes it.</param>
    public static bool Set(string path, string mode) => Run("chmod", mode, path);

    /// <summary>Runs a program.</summary>
    /// <param name="file">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>Whether it could do it.</returns>
    public static bool Run(string file, params IEnumerable<string> arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
