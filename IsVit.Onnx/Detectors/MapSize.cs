namespace IsVit.Onnx.Detectors;

/// <summary>The size of a map that is known when the graph runs.</summary>
/// <param name="Rows">Its rows: the name of a list of one whole number.</param>
/// <param name="Columns">Its columns, likewise.</param>
internal readonly record struct MapSize(string Rows, string Columns);
