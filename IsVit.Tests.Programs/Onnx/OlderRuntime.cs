using System.Runtime.InteropServices;
using System.Text.Json;
using IsVit.Tests.TestSupport;
using TorchSharp;

namespace IsVit.Tests.Programs.Onnx;

/// <summary>ONNX Runtime in another version than the tests' own, under Node.js: the packages <c>onnxruntime-node</c>, native, and <c>onnxruntime-web</c>, WebAssembly. Tests are skipped where these cannot be had.</summary>
internal sealed class OlderRuntime
{
    private readonly string _package;

    private OlderRuntime(string package) => _package = package;

    /// <summary>Installs a version, once.</summary>
    public static OlderRuntime Require(string package, string version) => new(NodePackage.InstallOrSkip(package, version));

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
        var (exitCode, text) = NodePackage.RunOrSkip(folder.Path, "node", Path.Combine(AppContext.BaseDirectory, "Onnx", "older-runtime.cjs"), _package, list);
        Assert.True(exitCode == 0, text);
        return [.. jobs.Select(static job => torch.tensor(MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(job.output)).ToArray()))];
    }
}
