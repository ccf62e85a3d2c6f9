using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using IsVit.Tests.TestSupport;

namespace IsVit.Tests.Programs.Notebooks;

/// <summary>A notebook of the repository in Jupyter's format, version 4.</summary>
internal sealed class Notebook
{
    private static readonly JsonSerializerOptions s_format = new() { WriteIndented = true, IndentSize = 1, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly JsonObject _json;
    private readonly string _path;

    private Notebook(string path)
    {
        _path = path;
        _json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        Cells = [.. _json["cells"]!.AsArray().Select(static cell => new NotebookCell(cell!.AsObject()))];
    }

    public static string Folder { get; } = Path.Combine(RepositoryRoot.Path, "notebooks");

    /// <summary>The file names of all notebooks.</summary>
    public static IEnumerable<string> Names => Directory.EnumerateFiles(Folder, "*.ipynb").Select(static file => Path.GetFileName(file)).Order(StringComparer.Ordinal);

    public IReadOnlyList<NotebookCell> Cells { get; }

    public IEnumerable<NotebookCell> CodeCells => Cells.Where(static cell => cell.IsCode);

    public static Notebook Read(string name) => new(Path.Combine(Folder, name));

    public void Save() => File.WriteAllText(_path, _json.ToJsonString(s_format) + "\n");
}
