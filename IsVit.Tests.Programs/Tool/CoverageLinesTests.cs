using IsVit.Core.Coverage;
using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Tests.Graph;
using IsVit.Tool.Reporting;
using IsVit.Tool.Terminal;
using static TorchSharp.torch;

namespace IsVit.Tests.Programs.Tool;

public sealed class CoverageLinesTests
{
    [Fact]
    public void Write_EverythingQuantized_TellsTheShareAndWarnsOfNothing()
    {
        var (output, error) = Write(static _ => false);

        Assert.Equal("quantized: all 14 matrix products (0.8 million multiply-accumulates an image)\n", output);
        Assert.Equal("", error);
    }

    [Fact]
    public void Write_LittleInFloat_DoesNotWarn()
    {
        var (output, error) = Write(static site => site.Path == "head");

        Assert.Equal("quantized: 13 of 14 matrix products, 99.94 % of 0.8 million multiply-accumulates an image; in float: head\n", output);
        Assert.Equal("", error);
    }

    [Fact]
    public void Write_MoreThanOnePercentInFloat_WarnsWithTheLargestProducts()
    {
        var (output, error) = Write(static site => site.Path == "head" || site.Id is "blocks.0.mlp.fc1:input" or "blocks.1.attn.proj:weight");

        Assert.StartsWith("quantized: 11 of 14 matrix products, ", output, StringComparison.Ordinal);
        Assert.EndsWith("; in float: blocks.0.mlp.fc1, blocks.1.attn.proj, head\n", output, StringComparison.Ordinal);
        var lines = error.TrimEnd('\n').Split('\n');
        Assert.StartsWith("isvit: warning: ", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("have an operand in float:", lines[0], StringComparison.Ordinal);
        Assert.Equal(["  blocks.0.mlp.fc1", "  blocks.1.attn.proj", "  head"], lines[1..].Select(static line => line.Split(':')[0]));
        Assert.EndsWith("78336 multiply-accumulates: float x uniform 4 bits channel:0", lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Write_ActivationsInFloat_SaysThatThisIsMeant()
    {
        var (output, error) = Write(static site => site.Operand != SiteOperand.Weight, isMeant: true);

        Assert.Equal("quantized: weights only, as the method has it; 14 matrix products compute 0.8 million multiply-accumulates an image\n", output);
        Assert.Equal("", error);
    }

    [Fact]
    public void Write_ManyInFloat_NamesTheFirst()
    {
        var (output, error) = Write(static site => site.Path != "head");

        Assert.Contains("quantized: 1 of 14 matrix products, 0.05 % of ", output, StringComparison.Ordinal);
        Assert.Matches(@"; in float: (\S+, ){4}\S+ and 8 more\n$", output);
        Assert.StartsWith("isvit: warning: 99.94 % of 0.8 million multiply-accumulates an image have an operand in float:\n", error, StringComparison.Ordinal);
    }

    private static (string Output, string Error) Write(Func<Site, bool> isFloat, bool isMeant = false)
    {
        using var scope = NewDisposeScope();
        var model = MicroModels.Create();
        var image = MicroModels.Images(1);
        using var attachment = GraphAttachment.Attach(ModuleGraph.Trace(model, image), site => isFloat(site) ? null : MicroModels.Choose(site));
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };

        CoverageLines.Write(new ToolConsole(output, error, isInteractive: false), QuantizationCoverage.Measure(attachment, image, ProductSource.Operators), isMeant);

        return (output.ToString(), error.ToString());
    }
}
