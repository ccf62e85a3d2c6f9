using IsVit.Reports.Contents;

namespace IsVit.Tool.Inputs;

/// <summary>The hash of the saved model in a report, by which it is told whether a file is the model that the report is of.</summary>
internal static class SavedModelFact
{
    private const string Name = "quantized model";

    /// <summary>The fact.</summary>
    /// <param name="path">The saved model's file.</param>
    public static ReportFact Of(string path) => InputHashes.OfFile(Name, path);

    /// <summary>Makes sure that a report is of a saved model.</summary>
    /// <param name="report">The report.</param>
    /// <param name="folder">Where it lies.</param>
    /// <param name="path">The saved model's file.</param>
    /// <exception cref="ToolException">It is of another model, or does not say of which.</exception>
    public static void Require(ModelReport report, string folder, string path)
    {
        var known = report.Run.FirstOrDefault(static fact => fact.Name == Name)?.Value
            ?? throw new ToolException($"{folder}: the report does not say which saved model it is of; expected one that 'isvit quantize' wrote with --output and --report.");
        var (wanted, found) = (Hash(known), Hash(Of(path).Value));
        if (wanted != found)
        {
            throw new ToolException($"{folder}: the report is of another model: of {known}, and {path} has the SHA-256 {found}.");
        }
    }

    private static string Hash(string fact) => fact[(fact.LastIndexOf(' ') + 1)..];
}
