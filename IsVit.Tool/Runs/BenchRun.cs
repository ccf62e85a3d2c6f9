using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using IsVit.Onnx;
using IsVit.Onnx.Quantization;
using IsVit.Reports;
using IsVit.Reports.Contents;
using IsVit.Tool.Cli;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using Spectre.Console;
using TorchSharp;

namespace IsVit.Tool.Runs;

/// <summary>What <c>isvit bench</c> was asked for.</summary>
/// <param name="Quantized">The file that <c>isvit quantize</c> saved, or null.</param>
/// <param name="Weights">The float model's weights, or null.</param>
/// <param name="Onnx">More ONNX files.</param>
/// <param name="Images">The folder of images to ask them with, or null for that of the labels.</param>
/// <param name="Labels">The CSV of labels, or null.</param>
/// <param name="Batches">Images at once.</param>
/// <param name="Rounds">How often each is run.</param>
/// <param name="Threads">Threads of ONNX Runtime; null for all cores.</param>
/// <param name="Report">The folder of the quantized model's report, which is to show the figures; or null.</param>
internal sealed record BenchArguments(string? Quantized, string? Weights, IReadOnlyList<string> Onnx, string? Images, string? Labels, IReadOnlyList<int> Batches, int Rounds, int? Threads, string? Report);

/// <summary><c>isvit bench</c>: size and latency of a model's formats.</summary>
internal static class BenchRun
{
    private static readonly TimeSpan SettlingTime = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs the command.</summary>
    /// <param name="console">Where to write.</param>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="cancellationToken">Stops between two runs.</param>
    /// <returns>The exit code.</returns>
    public static int Run(ToolConsole console, BenchArguments arguments, CancellationToken cancellationToken)
    {
        if (arguments.Quantized is null && arguments.Onnx.Count == 0)
        {
            throw new ToolException($"there is nothing to measure{(arguments.Weights is null ? "" : " beside --weights")}; give --quantized, --onnx or both.");
        }

        if (arguments is { Weights: not null, Quantized: null })
        {
            throw new ToolException("--weights is the float model of --quantized; give both.");
        }

        if ((arguments.Images ?? arguments.Labels) is not null && arguments.Quantized is null)
        {
            throw new ToolException("--images and --labels compare answers with those of --quantized; give it too.");
        }

        if (arguments is { Report: not null, Quantized: null })
        {
            throw new ToolException("--report is the report of the model of --quantized; give both.");
        }

        if (arguments.Quantized is { } file)
        {
            ModelKinds.RequireClassifier(file, "bench");
        }

        var saved = arguments.Quantized is null ? null : RunDescription.Read(arguments.Quantized);
        var files = ImageInput.Test(arguments.Images, arguments.Labels, saved?.ClassCount);
        if (saved is not null)
        {
            ImageInput.RequireLabelsInRange(files, saved.ClassCount);
        }

        var report = arguments.Report is null ? null : ReportFolder.Open(arguments.Report);
        if (report is not null)
        {
            SavedModelFact.Require(report, arguments.Report!, arguments.Quantized!);
        }

        using var folder = OutputFolder.CreateTemporary();
        var candidates = new List<BenchCandidate>();
        try
        {
            if (saved is not null)
            {
                AddFormats(candidates, saved, arguments, folder);
            }

            foreach (var path in arguments.Onnx)
            {
                candidates.Add(Onnx(Path.GetFileName(path), path, arguments.Threads));
            }

            // The library's threads would wait in a loop beside ONNX Runtime's.
            foreach (var group in candidates.GroupBy(static candidate => candidate.IsSimulated))
            {
                foreach (var batch in arguments.Batches)
                {
                    Measure([.. group], batch, arguments.Rounds, cancellationToken);
                }
            }

            Table(candidates, arguments.Batches).Write(console.Ansi);
            console.Out.WriteLine($"median of {arguments.Rounds.ToString(CultureInfo.InvariantCulture)} runs taken in turns; speed is the median time of '{candidates[0].Name}' divided by a format's own, size is in parts of its size");
            if (report is not null)
            {
                WithLatencies(report, candidates, arguments).Save(arguments.Report!);
                console.Out.WriteLine($"report {Path.Combine(arguments.Report!, ModelReports.PageFile)}");
            }

            if (files is not null && saved is not null)
            {
                var images = ImageInput.OpenForRepeatedUse(
                    files, saved.Preset().Preprocessing, ImageInput.Loading(skipUnreadable: false, console.Error), cancellationToken);
                using var imagesInMemory = images as IDisposable;
                BenchAnswers.Table(candidates, images, cancellationToken).Write(console.Ansi);
            }

            return ExitCode.Success;
        }
        finally
        {
            candidates.ForEach(static candidate => candidate.Dispose());
        }
    }

    private static ModelReport WithLatencies(ModelReport report, List<BenchCandidate> candidates, BenchArguments arguments)
    {
        const string Name = "latency";
        var how = string.Create(
            CultureInfo.InvariantCulture,
            $"median of {arguments.Rounds} runs taken in turns, {arguments.Threads ?? Environment.ProcessorCount} threads; {RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}, {Environment.ProcessorCount} processors");
        return report with
        {
            Latencies = [.. candidates.SelectMany(candidate => arguments.Batches.Select(batch => new LatencyRow(candidate.Name, batch, candidate.Median(batch), candidate.Bytes)))],
            Run = [.. report.Run.Where(static fact => fact.Name != Name), new(Name, how)],
        };
    }

    private static void AddFormats(List<BenchCandidate> candidates, RunDescription saved, BenchArguments arguments, OutputFolder folder)
    {
        var file = arguments.Quantized!;
        var preset = saved.Preset();
        if (arguments.Weights is { } weights)
        {
            using var model = ModelInput.Load(preset, weights, saved.ClassCount);
            var path = folder.PathOf("float.onnx");
            OnnxExport.Save(model, path);
            candidates.Add(Onnx("float, ONNX", path, arguments.Threads));
        }

        var shape = new long[] { preset.Options.InChannels, preset.Options.ImageSize, preset.Options.ImageSize };
        candidates.Add(new("IsVit.Runtime", new FileInfo(file).Length, RuntimeClassifier.Open(file, arguments.Threads), shape));

        // Whatever fails from here on, the list disposes the model.
        var (quantized, module) = saved.Load(file, torch.CPU);
        candidates.Add(new BenchCandidate("packed, simulated", new FileInfo(file).Length, module, shape, quantized));
        foreach (var kernels in Enum.GetValues<OnnxKernels>())
        {
            var path = folder.PathOf($"{kernels}.onnx");
            OnnxExport.Save(quantized, path, new() { Kernels = kernels });
            candidates.Insert(candidates.Count - 1, Onnx($"ONNX, {(kernels == OnnxKernels.Exact ? "exact" : "fast")} kernels", path, arguments.Threads));
        }
    }

    private static BenchCandidate Onnx(string name, string path, int? threads)
    {
        var model = OnnxClassifier.Open(path, threads);
        return new(name, new FileInfo(path).Length, model, model.ImageShape);
    }

    private static void Measure(IReadOnlyList<BenchCandidate> candidates, int batch, int rounds, CancellationToken cancellationToken)
    {
        using var noGradient = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        using var random = new torch.Generator(0);
        foreach (var candidate in candidates)
        {
            candidate.Run(candidate.Images(batch, random));
        }

        for (var round = 0; round < rounds; round++)
        {
            foreach (var candidate in candidates)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var images = candidate.Images(batch, random);

                // Threads of the model before wait in a loop for some 50 ms.
                Thread.Sleep(SettlingTime);
                candidate.Run(images);
                var clock = Stopwatch.StartNew();
                candidate.Run(images);
                candidate.Add(batch, clock.Elapsed.TotalMilliseconds);
            }
        }
    }

    private static ToolTable Table(List<BenchCandidate> candidates, IReadOnlyList<int> batches)
    {
        static string Times(double ratio) => ratio.ToString("F2", CultureInfo.InvariantCulture);

        // So many figures that the ratio of two of them is the speed beside them.
        static string Milliseconds(double time) => ReportTable.Figure(time, time < 10 ? "F3" : time < 100 ? "F2" : "F1");
        var table = new ToolTable(["format", "size MB", "size", .. batches.SelectMany(static batch => (string[])[$"batch {batch}: ms", "speed"])]);
        var first = candidates[0];
        foreach (var candidate in candidates)
        {
            table.AddRow(
            [
                candidate.Name,
                ReportTable.Megabytes(candidate.Bytes),
                Times((double)candidate.Bytes / first.Bytes),
                .. batches.SelectMany(batch => (string[])[Milliseconds(candidate.Median(batch)), Times(candidate.SpeedAgainst(first, batch))]),
            ]);
        }

        return table;
    }
}
