using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Programs.Onnx;

/// <summary>ONNX Runtime in another version than the tests' own, under Node.js: the packages <c>onnxruntime-node</c>, native, and <c>onnxruntime-web</c>, WebAssembly. Tests are skipped where these cannot be had.</summary>
internal sealed class OlderRuntime
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);
    private readonly string _package;

    private OlderRuntime(string package) => _package = package;

    /// <summary>Installs a version beside the tests, once.</summary>
    public static OlderRuntime Require(string package, string version)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "older-runtimes", $"{package}-{version}");
        if (!Directory.Exists(folder))
        {
            var work = $"{folder}-{Guid.NewGuid():N}";
            Directory.CreateDirectory(work);
            try
            {
                // A package that stands there is what says where others belong.
                File.WriteAllText(Path.Combine(work, "package.json"), """{ "private": true }""");
                var (exitCode, text) = Run(work, OperatingSystem.IsWindows() ? "npm.cmd" : "npm", "install", "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--ignore-scripts", "--no-audit", "--no-fund", $"{package}@{version}");
                Assert.SkipUnless(exitCode == 0, $"{package} {version} cannot be installed: {text}");
                Directory.Move(work, folder);
            }
            finally
            {
                if (Directory.Exists(work))
                {
                    Directory.Delete(work, recursive: true);
                }
            }
        }

        return new(Path.Combine(folder, "node_modules", package));
    }

    /// <summary>Runs models, each with an input of its own.</summary>
    /// <returns>The first output of each, as one row of numbers.</returns>
    public IReadOnlyList<torch.Tensor> Run(IReadOnlyList<(string Model, torch.Tensor Input)> models)
    {
        using var folder = new TemporaryFolder();
        var jobs = models.Select((model, i) => new { model = model.Model, input = folder[$"{i}.in"], shape = model.Input.shape, output = folder[$"{i}.out"] }).ToList();
        foreach (var (job, (_, input)) in jobs.Zip(models))
        {
            using var plain = input.detach().contiguous();
            File.WriteAllBytes(job.input, plain.bytes);
        }

        var list = folder.File("jobs.json", JsonSerializer.SerializeToUtf8Bytes(jobs));
        var (exitCode, text) = Run(folder.Path, "node", Path.Combine(AppContext.BaseDirectory, "Onnx", "older-runtime.cjs"), _package, list);
        Assert.True(exitCode == 0, text);
        return [.. jobs.Select(static job => torch.tensor(MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(job.output)).ToArray()))];
    }

    private static (int ExitCode, string Text) Run(string folder, string program, params IEnumerable<string> arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            if (!process.WaitForExit(s_limit))
            {
                process.Kill(entireProcessTree: true);
                return (-1, $"{program} took more than {s_limit}");
            }

            return (process.ExitCode, $"{output.GetAwaiter().GetResult()}{error.GetAwaiter().GetResult()}");
        }
        catch (Win32Exception)
        {
            Assert.Skip($"{program} is not on the path.");
            throw;
        }
    }
}
