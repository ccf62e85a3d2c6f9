using System.Text.Json.Nodes;

namespace IsVit.Tests.Programs.Notebooks;

/// <summary>A cell of a notebook, over its JSON.</summary>
/// <param name="json">The cell; outputs are written to it.</param>
internal sealed class NotebookCell(JsonObject json)
{
    public bool IsCode => (string?)json["cell_type"] == "code";

    public string Source => string.Concat(json["source"]!.AsArray().Select(static line => (string?)line));

    public IEnumerable<string?> Tags => json["metadata"]?["tags"]?.AsArray().Select(static tag => (string?)tag) ?? [];

    public JsonArray Outputs => json["outputs"]!.AsArray();

    /// <summary>The text of all outputs, of every kind.</summary>
    public string OutputText => string.Concat(Outputs.SelectMany(static output => Texts(output!)));

    public void Write(IEnumerable<JsonObject> outputs, int number)
    {
        json["outputs"] = new JsonArray([.. outputs.Select(static output => output.DeepClone())]);
        json["execution_count"] = number;
    }

    // Every string below a node.
    private static IEnumerable<string> Texts(JsonNode node) => node switch
    {
        JsonObject entries => entries.SelectMany(static entry => Texts(entry.Value!)),
        JsonArray items => items.SelectMany(static item => Texts(item!)),
        JsonValue value when value.TryGetValue(out string? text) => [text],
        _ => [],
    };
}
