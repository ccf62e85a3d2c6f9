using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using IsVit.Core.Models;
using IsVit.Optimization.Recipes;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Tool;

/// <summary>The tool as a process that is ended from outside. <c>IsVit.Benchmarks reliability</c> does this at hundreds of random instants.</summary>
public sealed class StoppedProcessTests
{
    [Fact]
    public async Task Quantize_KilledAndDoneAgain_IsTheModelOfARunThatNobodyKilledAndLeavesNothing()
    {
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);

        // Long enough that some seconds are left of it when its last stage is heard of.
        string[] options = ["quantize", "--model", ModelCatalog.Demo, "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--iterations", "100", "--batch", "4", "--tuning-steps", "1"];
        var undisturbed = await ToolRun.Of([.. options, "--output", folder["undisturbed"]]);
        Assert.Equal(("", 0), (undisturbed.Error, undisturbed.ExitCode));
        string[] again = [.. options, "--output", folder["out"]];
        using (var killed = Start(again))
        {
            Hear(killed, StageNames.WeightReconstruction);
            killed.Kill();
            await killed.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.False(File.Exists(folder["out/quantized.safetensors"]));
        Assert.Single(Directory.GetDirectories(folder.Path, "out.*.tmp"));
        var kept = Directory.GetFiles(folder["out.checkpoint"], "stage*.unit*.safetensors").Length;
        folder.File("out.checkpoint/stage9.unit000.head.safetensors.0123.tmp", []);

        var run = await ToolRun.Of(again);

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Contains(FormattableString.Invariant($"of a run that was stopped, {kept} reconstructed units are kept"), run.Output, StringComparison.Ordinal);
        Assert.Equal(SHA256.HashData(File.ReadAllBytes(folder["undisturbed/quantized.safetensors"])), SHA256.HashData(File.ReadAllBytes(folder["out/quantized.safetensors"])));
        Assert.Equal(["out", "undisturbed"], Directory.GetDirectories(folder.Path).Select(Path.GetFileName).Where(static name => name != "images").Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Quantize_ToldToEnd_SaysWhatIsKeptAndSavesNothing()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such signal.");
        using var folder = new TemporaryFolder();
        FashionFolder.Write(folder, images: 4);
        using var process = Start(
        [
            "quantize", "--model", ModelCatalog.Demo, "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--iterations", "100000", "--batch", "4", "--output", folder["out"],
        ]);
        Hear(process, StageNames.ActivationReconstruction);

        Signals.Send("TERM", process.Id);

        // Read, or a full pipe would hold it up.
        await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(130, process.ExitCode);
        Assert.StartsWith("isvit: cancelled; ", error, StringComparison.Ordinal);
        Assert.Equal(1, error.Count(static letter => letter == '\n'));
        Assert.False(Directory.Exists(folder["out"]));
        Assert.Empty(Directory.GetDirectories(folder.Path, "out.*.tmp"));
    }

    // On this program's dependencies: those of the tool that ASP.NET Core has lie with that here.
    private static Process Start(string[] arguments)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "IsVit.Tests.Programs");
        string[] host = ["exec", "--runtimeconfig", program + ".runtimeconfig.json", "--depsfile", program + ".deps.json", Path.Combine(AppContext.BaseDirectory, "isvit.dll")];
        return Process.Start(new ProcessStartInfo("dotnet", [.. host, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, Environment = { ["OMP_NUM_THREADS"] = "1" } })!;
    }

    // Until the run names a stage. Without the thread pool, which answers late on a busy machine: the run would be over.
    private static void Hear(Process process, string stage)
    {
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (line.Contains($": {stage},", StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"The run ended before {stage}: {process.StandardError.ReadToEnd()}");
    }
}
