using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Tests.Graph;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using static TorchSharp.torch;

namespace IsVit.Tests.Tool;

public sealed class CoverageLinesTests
{
    [Fact]
    public void Write_EverythingQuantized_TellsTheShareAndWarnsOfNothing()
    {
        var (output, error) = Write(static _ => false);

        Assert.Equal("in float: 0.00 % of 0.8 million multiply-accumulates an image in 14 matrix products\n", output);
        Assert.Equal("", error);
    }

    [Fact]
    public void Write_LittleInFloat_DoesNotWarn()
    {
        var (output, error) = Write(static site => site.Path == "head");

        Assert.StartsWith("in float: 0.06 % of 0.8 million", output, StringComparison.Ordinal);
        Assert.Equal("", error);
    }

    [Fact]
    public void Write_MoreThanOnePercentInFloat_WarnsWithTheLargestProducts()
    {
        var (output, error) = Write(static site => site.Path == "head" || site.Id is "blocks.0.mlp.fc1:input" or "blocks.1.attn.proj:weight");

        Assert.StartsWith("in float: ", output, StringComparison.Ordinal);
        var lines = error.TrimEnd('\n').Split('\n');
        Assert.StartsWith("isvit: warning: ", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("have an operand in float:", lines[0], StringComparison.Ordinal);
        Assert.Equal(["  blocks.0.mlp.fc1", "  blocks.1.attn.proj", "  head"], lines[1..].Select(static line => line.Split(':')[0]));
        Assert.EndsWith("78336 multiply-accumulates: float x uniform 4 bits channel:0", lines[1], StringComparison.Ordinal);
    }

    private static (string Output, string Error) Write(Func<Site, bool> isFloat)
    {
        using var scope = NewDisposeScope();
        var model = MicroModels.Create();
        var image = MicroModels.Images(1);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, image), site => isFloat(site) ? null : MicroModels.Choose(site));
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };

        CoverageLines.Write(new ToolConsole(output, error, isInteractive: false), QuantizationCoverage.Measure(attachment, image, ProductSource.Operators));

        return (output.ToString(), error.ToString());
    }
}
