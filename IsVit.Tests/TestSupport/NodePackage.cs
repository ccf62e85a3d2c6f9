using System.ComponentModel;
using System.Diagnostics;

namespace IsVit.Tests.TestSupport;

/// <summary>A package for Node.js in a version of the test's choice. Tests are skipped where Node.js or the package cannot be had.</summary>
internal static class NodePackage
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    /// <summary>Installs a package beside the user's other caches, once.</summary>
    /// <returns>The package's folder.</returns>
    public static string InstallOrSkip(string package, string version)
    {
        var folder = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create) is { Length: > 0 } own ? own : Path.GetTempPath(), "isvit-tests", $"{package.Replace('/', '+')}-{version}");
        if (!Directory.Exists(folder))
        {
            var work = $"{folder}-{Guid.NewGuid():N}";
            Directory.CreateDirectory(work);
            try
            {
                // A package that stands there is what says where others belong.
                File.WriteAllText(Path.Combine(work, "package.json"), """{ "private": true }""");
                var (exitCode, text) = RunOrSkip(work, OperatingSystem.IsWindows() ? "npm.cmd" : "npm", "install", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--ignore-scripts", "--no-audit", "--no-fund", $"{package}@{version}");
                Assert.SkipUnless(exitCode == 0, $"{package} {version} cannot be installed: {text}");
                Directory.Move(work, folder);
            }
            catch (IOException) when (Directory.Exists(folder))
            {
                // The tests' other process was first.
            }
            finally
            {
                if (Directory.Exists(work))
                {
                    Directory.Delete(work, recursive: true);
                }
            }
        }

        return Path.Combine(folder, "node_modules", package);
    }

    /// <summary>Runs a program to its end, or skips the test if there is none of that name.</summary>
    public static (int ExitCode, string Text) RunOrSkip(string folder, string program, params IEnumerable<string> arguments)
    {
        using var process = StartOrSkip(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true });
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        if (!process.WaitForExit(s_limit))
        {
            process.Kill(entireProcessTree: true);
            return (-1, $"{program} took more than {s_limit}");
        }

        return (process.ExitCode, $"{output.GetAwaiter().GetResult()}{error.GetAwaiter().GetResult()}");
    }

    /// <summary>Starts a program, or skips the test if there is none of that name.</summary>
    public static Process StartOrSkip(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            Assert.Skip($"{start.FileName} is not on the path.");
            throw;
        }
    }
}
