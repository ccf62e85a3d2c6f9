using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using IsVit.Tests.Programs.Notebooks;

[assembly: AssemblyFixture(typeof(NotebookRun))]

namespace IsVit.Tests.Programs.Notebooks;

/// <summary>
/// Runs every cell of every notebook, beside the tests: these run one after the other, so that a run of all of them begins with this; a run of some of them does when it is asked for.
/// </summary>
public sealed partial class NotebookRun : IDisposable
{
    private static readonly string[] s_filters = ["-class", "-method", "-namespace", "-trait", "-filter", "--filter", "-explicit"];

    // Set by build/run-notebooks, which writes what cells give into the files and begins each notebook in a kernel of its own.
    private static readonly bool s_writes = Environment.GetEnvironmentVariable("ISVIT_WRITE_NOTEBOOKS") == "1";

    private readonly Lazy<Task> _run;
    private readonly CancellationTokenSource _stop = new();

    public NotebookRun()
    {
        _run = new(() => Task.Run(RunAsync));
        if (!Environment.GetCommandLineArgs().Any(static argument => s_filters.Any(filter => argument.StartsWith(filter, StringComparison.OrdinalIgnoreCase))))
        {
            _ = _run.Value;
        }
    }

    /// <summary>Ends when all have run; fails with the first cell that did not.</summary>
    public Task Completion => _run.Value;

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        InteractiveKernel? kernel = null;
        try
        {
            foreach (var name in Notebook.Names)
            {
                if (s_writes)
                {
                    kernel?.Dispose();
                    kernel = null;
                }

                kernel ??= await InteractiveKernel.StartAsync(Notebook.Folder);
                await RunAsync(kernel, name);
            }

            if (OperatingSystem.IsLinux())
            {
                // At most the patched library, and whole.
                Assert.DoesNotContain(kernel!.FilesOfUser, static file => file.StartsWith("IsVit", StringComparison.Ordinal) && !file.EndsWith("libLibTorchSharp.so", StringComparison.Ordinal));
            }
        }
        finally
        {
            kernel?.Dispose();
        }
    }

    private async Task RunAsync(InteractiveKernel kernel, string name)
    {
        var notebook = Notebook.Read(name);
        var number = 0;
        foreach (var cell in notebook.CodeCells)
        {
            _stop.Token.ThrowIfCancellationRequested();
            var result = await kernel.RunAsync(cell.Source);
            number++;
            if (!s_writes && result.Error is null && cell.Tags.Contains("parameters"))
            {
                result = await kernel.RunAsync(QuickValues().Match(cell.Source) is { Success: true } quick ? quick.Groups[1].Value : throw new InvalidDataException($"{name} has parameters, but no '// The tests take less: ...'."));
            }

            Assert.True(result.Error is null, FormattableString.Invariant($"{name}, code cell {number}:\n{cell.Source}\n\n{result.Error}"));
            cell.Write(result.Outputs.Where(IsKept), number);
        }

        Assert.Contains(notebook.CodeCells, static cell => cell.OutputText.Contains("<th>", StringComparison.Ordinal));
        if (s_writes)
        {
            notebook.Save();
        }
    }

    // Where packages were found is of no interest to others; a display that only its updates fill is empty.
    private static bool IsKept(JsonObject output) => output["data"]?.AsObject().All(static text => text.Value!.AsArray().Count == 0) != true && !output.ToJsonString().Contains("Loading extension", StringComparison.Ordinal);

    [GeneratedRegex(@"^// The tests take less: (.+)$", RegexOptions.Multiline)]
    private static partial Regex QuickValues();
}
