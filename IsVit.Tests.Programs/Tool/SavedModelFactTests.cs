using IsVit.Reports.Contents;
using IsVit.Tests.TestSupport;
using IsVit.Tool;
using IsVit.Tool.Inputs;

namespace IsVit.Tests.Programs.Tool;

public sealed class SavedModelFactTests
{
    [Fact]
    public void Require_FileElsewhere_IsKnownByItsContent()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["a model.safetensors"], "one");
        var report = Report(SavedModelFact.Of(folder["a model.safetensors"]));
        File.Move(folder["a model.safetensors"], folder["moved.safetensors"]);

        SavedModelFact.Require(report, "reports", folder["moved.safetensors"]);
    }

    [Fact]
    public void Require_AnotherModel_SaysOfWhichTheReportIs()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["first"], "one");
        File.WriteAllText(folder["second"], "two");
        var fact = SavedModelFact.Of(folder["first"]);

        var error = Assert.Throws<ToolException>(() => SavedModelFact.Require(Report(fact), "reports", folder["second"]));

        Assert.StartsWith($"reports: the report is of another model: of {folder["first"]}, SHA-256 7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed, and {folder["second"]} has the SHA-256 3fc4ccfe", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Require_ReportOfNoSavedModel_IsRefused()
    {
        var error = Assert.Throws<ToolException>(() => SavedModelFact.Require(Report(new("weights", "w")), "reports", "m"));

        Assert.Equal("reports: the report does not say which saved model it is of; expected one that 'isvit quantize' wrote with --output and --report.", error.Message);
    }

    private static ModelReport Report(ReportFact fact) => new() { Title = "t", Run = [fact] };
}
