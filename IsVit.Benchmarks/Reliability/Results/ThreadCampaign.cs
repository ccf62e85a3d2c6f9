using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using IsVit.Core.Models;
using IsVit.Model.Architectures;
using IsVit.Onnx;
using IsVit.Optimization;
using IsVit.Optimization.Recipes;
using IsVit.Runtime;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Results;

/// <summary><c>reliability threads</c>: what is the same bit for bit over 1, 2 and 4 threads, each count in processes of its own, twice.</summary>
internal static class ThreadCampaign
{
    /// <summary>The name of the part that one count is.</summary>
    public const string CountName = "threads-of";

    private const int Again = 2;

    private static readonly int[] s_counts = [1, 2, 4];

    /// <summary>Runs it.</summary>
    public static int Run()
    {
        var results = new Dictionary<string, Dictionary<int, List<string>>>(StringComparer.Ordinal);
        foreach (var (count, _) in from count in s_counts from again in Enumerable.Range(0, Again) select (count, again))
        {
            var start = Child.Part(CountName, count.ToString(CultureInfo.InvariantCulture));
            start.Environment["OMP_NUM_THREADS"] = count.ToString(CultureInfo.InvariantCulture);
            using var process = Process.Start(start)!;
            process.ErrorDataReceived += static (_, line) => Console.Error.WriteLine(line.Data);
            process.BeginErrorReadLine();
            foreach (var line in process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                var (what, hash) = (line[..line.LastIndexOf(' ')], line[(line.LastIndexOf(' ') + 1)..]);
                var byCount = results.TryGetValue(what, out var known) ? known : results[what] = [];
                (byCount.TryGetValue(count, out var hashes) ? hashes : byCount[count] = []).Add(hash);
            }

            process.WaitForExit();
        }

        var faults = 0;
        Console.WriteLine("| what | again with the same threads | over 1, 2 and 4 threads |");
        Console.WriteLine("|---|---|---|");
        foreach (var (what, byCount) in results)
        {
            var isRepeatable = byCount.Values.All(static hashes => hashes.Count == Again && hashes.Distinct().Count() == 1);
            var groups = byCount.GroupBy(static entry => entry.Value[0]).Select(static group => string.Join(" = ", group.Select(static entry => entry.Key))).ToList();
            faults += isRepeatable ? 0 : 1;
            Console.WriteLine($"| {what} | {(isRepeatable ? "same bits" : "OTHER BITS")} | {(groups.Count == 1 ? "same bits" : $"other bits: {string.Join("; ", groups)}")} |");
        }

        return faults == 0 ? 0 : 1;
    }

    /// <summary>Prints what this process computes on a number of threads.</summary>
    /// <param name="args">The number.</param>
    public static int RunCount(string[] args)
    {
        var threads = int.Parse(args[0], CultureInfo.InvariantCulture);
        torch.set_num_threads(threads);
        foreach (var (name, create) in new (string, Func<ImageClassifier>)[] { ("small ViT", static () => SmallModels.Vit()), ("small Swin", static () => SmallModels.Swin()), ("ViT of width 192", Wide) })
        {
            using var images = SmallModels.Images(32);
            using (var model = create())
            {
                using var noGrad = torch.no_grad();
                using var outputs = model.call(images);
                Console.WriteLine($"{name}, float outputs {Hash(outputs.bytes)}");
            }

            foreach (var recipe in (string[])[RecipeNames.MinMax, RecipeNames.RepQ, RecipeNames.Baseline, RecipeNames.SulqOnly, RecipeNames.ISVit])
            {
                Quantize(name, recipe, create, images, threads);
            }
        }

        return 0;
    }

    private static void Quantize(string name, string recipe, Func<ImageClassifier> create, torch.Tensor images, int threads)
    {
        var folder = Directory.CreateTempSubdirectory("isvit-threads-").FullName;
        try
        {
            var path = Path.Combine(folder, "model.safetensors");
            using (var model = create())
            {
                using var quantized = SmallModels.Quantizer(recipe).Quantize(model, images);
                quantized.Save(path);
            }

            Console.WriteLine($"{name}, {recipe}: saved model {Hash(File.ReadAllBytes(path))}");
            if (recipe == RecipeNames.MinMax || recipe == RecipeNames.SulqOnly)
            {
                Outputs($"{name}, {recipe}", folder, recipe, create, threads);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Of a model that is the same for all counts: what was computed on one thread.
    private static void Outputs(string name, string folder, string recipe, Func<ImageClassifier> create, int threads)
    {
        var path = Path.Combine(folder, "same.safetensors");
        torch.set_num_threads(1);
        using (var model = create())
        {
            using var images = SmallModels.Images(32);
            using var made = SmallModels.Quantizer(recipe).Quantize(model, images);
            made.Save(path);
        }

        torch.set_num_threads(threads);
        using var quantized = QuantizedModel.Open(path);
        using var image = SmallModels.Images(8, 77);
        using var outputs = quantized.Predict(image);
        Console.WriteLine($"{name}: outputs of one saved model {Hash(outputs.bytes)}");
        var onnx = Path.Combine(folder, "model.onnx");
        OnnxExport.Save(quantized, onnx);
        Console.WriteLine($"{name}: its ONNX file {Hash(File.ReadAllBytes(onnx))}");
        var runtime = RuntimeModel.Load(path, new() { MaxDegreeOfParallelism = threads });
        var numbers = runtime.Predict(image.data<float>().ToArray());
        Console.WriteLine($"{name}: outputs of IsVit.Runtime {Hash(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(numbers))}");
    }

    private static VisionTransformer Wide() => SmallModels.Vit(9, new VisionTransformerOptions { ImageSize = SmallModels.Side, PatchSize = 2, EmbedDim = 192, Depth = 2, HeadCount = 3, ClassCount = 10 });

    private static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexString(SHA256.HashData(bytes));
}
