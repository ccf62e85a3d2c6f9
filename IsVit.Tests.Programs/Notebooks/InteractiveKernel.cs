using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Notebooks;

/// <summary>.NET Interactive in a process of its own, spoken to over standard input and output as Visual Studio Code does.</summary>
/// <remarks>
/// Packages of this repository come from <see cref="NotebookPackages.Feed"/>. On the search path of the system's loader are files with the names of libtorch that are none, so that a library
/// which is looked for by its name is not found.
/// </remarks>
internal sealed class InteractiveKernel : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    private readonly TemporaryFolder _folder = new();
    private readonly Process _process;
    private readonly StringBuilder _errors = new();
    private int _commands;

    private InteractiveKernel(string workingFolder)
    {
        var start = new ProcessStartInfo("dotnet", [NotebookPackages.Interactive, "stdio", "--default-kernel", "csharp", "--working-dir", workingFolder])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            StandardOutputEncoding = Encoding.UTF8,
        };
        foreach (var library in (string[])["c10", "torch", "torch_cpu", "LibTorchSharp"])
        {
            _folder.File(Path.Combine("decoys", $"lib{library}.so"), "no library"u8);
        }

        var environment = start.Environment;
        environment["LD_LIBRARY_PATH"] = $"{_folder["decoys"]}:{Environment.GetEnvironmentVariable("LD_LIBRARY_PATH")}";

        // Where the patched copy goes: none is there yet. In the home folder results of earlier restores are kept, which know of other packages.
        environment["XDG_DATA_HOME"] = Directory.CreateDirectory(_folder["data"]).FullName;
        environment["DOTNET_CLI_HOME"] = Environment.GetEnvironmentVariable("DOTNET_CLI_HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        environment["HOME"] = Directory.CreateDirectory(_folder["home"]).FullName;

        // What MSBuild does not find among a project's properties it takes from the environment.
        environment["NUGET_PACKAGES"] = NotebookPackages.Unpacked;
        environment["RestoreAdditionalProjectSources"] = NotebookPackages.Feed;
        environment["RestoreAdditionalProjectFallbackFolders"] = NotebookPackages.OfUser;
        environment["NuGetAudit"] = "false";
        environment["DOTNET_INTERACTIVE_CLI_TELEMETRY_OPTOUT"] = environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = environment["DOTNET_NOLOGO"] = "1";

        // Threads that wait for each other spin, beside whatever else runs.
        environment["OMP_NUM_THREADS"] = "1";
        environment["DOTNET_TieredPGO"] = "0";
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
        _process.BeginErrorReadLine();
    }

    /// <summary>The files that the kernel's program has kept for the user.</summary>
    public IEnumerable<string> FilesOfUser => Directory.EnumerateFiles(_folder["data"], "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_folder["data"], file));

    public static async Task<InteractiveKernel> StartAsync(string workingFolder)
    {
        var kernel = new InteractiveKernel(workingFolder);
        while ((string?)(await kernel.ReadAsync())["eventType"] != "KernelReady")
        {
        }

        return kernel;
    }

    /// <summary>Runs a cell.</summary>
    /// <param name="code">Its source.</param>
    public async Task<CellResult> RunAsync(string code)
    {
        var token = FormattableString.Invariant($"cell-{++_commands}");
        var command = new JsonObject
        {
            ["token"] = token,
            ["commandType"] = "SubmitCode",
            ["command"] = new JsonObject { ["code"] = code, ["targetKernelName"] = "csharp" },
        };
        await _process.StandardInput.WriteLineAsync(command.ToJsonString());
        await _process.StandardInput.FlushAsync();

        var outputs = new List<JsonObject>();
        var byId = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        string? error = null;
        while (true)
        {
            var message = await ReadAsync();
            var (type, what) = ((string?)message["eventType"], message["event"]);
            switch (type)
            {
                case "DisplayedValueUpdated" when byId.TryGetValue((string?)what!["valueId"] ?? "", out var shown):
                    shown["data"] = Data(what!);
                    break;
                case "DisplayedValueProduced" or "DisplayedValueUpdated":
                    var output = new JsonObject { ["data"] = Data(what!), ["metadata"] = new JsonObject(), ["output_type"] = "display_data" };
                    outputs.Add(output);
                    byId[(string?)what!["valueId"] ?? ""] = output;
                    break;
                case "ReturnValueProduced":
                    outputs.Add(new JsonObject { ["data"] = Data(what!), ["execution_count"] = _commands, ["metadata"] = new JsonObject(), ["output_type"] = "execute_result" });
                    break;
                case "StandardOutputValueProduced" or "StandardErrorValueProduced":
                    outputs.Add(new JsonObject { ["name"] = type.Contains("Error", StringComparison.Ordinal) ? "stderr" : "stdout", ["output_type"] = "stream", ["text"] = Lines(Texts(what!).First().Text) });
                    break;
                case "ErrorProduced":
                    error ??= (string?)what!["message"];
                    break;
                case "CommandFailed" when IsOf(message, token):
                    return new CellResult(outputs, (string?)what!["message"] ?? error ?? "failed");
                case "CommandSucceeded" when IsOf(message, token):
                    return new CellResult(outputs, error);
            }
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        _folder.Dispose();
    }

    private static bool IsOf(JsonObject message, string token) => (string?)message["command"]?["token"] == token;

    private static JsonObject Data(JsonNode what) => new(Texts(what).Select(static value => KeyValuePair.Create(value.MimeType, (JsonNode?)Lines(value.Text))));

    private static IEnumerable<(string MimeType, string Text)> Texts(JsonNode what) =>
        what["formattedValues"]!.AsArray().Select(static value => ((string)value!["mimeType"]!, ((string)value["value"]!).ReplaceLineEndings("\n")));

    private static JsonArray Lines(string text)
    {
        string[] lines = text.Split('\n');
        return new JsonArray([.. lines.Select((line, i) => JsonValue.Create(i < lines.Length - 1 ? line + "\n" : line)).Where(static line => line.GetValue<string>().Length > 0)]);
    }

    private async Task<JsonObject> ReadAsync()
    {
        using var patience = new CancellationTokenSource(s_patience);
        while (await _process.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            if (line.StartsWith('{') && JsonNode.Parse(line) is JsonObject message)
            {
                return message;
            }
        }

        lock (_errors)
        {
            throw new InvalidOperationException($".NET Interactive ended: {_errors}");
        }
    }
}
