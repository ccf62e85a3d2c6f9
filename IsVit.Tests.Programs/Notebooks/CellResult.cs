using System.Text.Json.Nodes;

namespace IsVit.Tests.Programs.Notebooks;

/// <summary>What running a cell gave.</summary>
/// <param name="Outputs">In Jupyter's format.</param>
/// <param name="Error">What failed; null if nothing did.</param>
internal sealed record CellResult(IReadOnlyList<JsonObject> Outputs, string? Error);
