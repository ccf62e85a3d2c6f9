using IsVit.Tool.Reporting;
using Spectre.Console;

namespace IsVit.Tests.Programs.Tool;

public sealed class ToolTableTests
{
    [Fact]
    public void Write_Room_KeepsAll() => Assert.Equal(
        """
        +-------------------------+---------+--------+
        | site                    | top-1 % |  shape |
        |-------------------------+---------+--------|
        | blocks.11.mlp.fc1:input |   12.50 |  1 x 2 |
        | [b]                     |       - | 1E-3 x |
        +-------------------------+---------+--------+

        """,
        Write(80, Make("top-1 %")));

    /// <summary>Headers break, then the middle of texts goes; numbers stay whole.</summary>
    [Theory]
    [InlineData(46, 22)]
    [InlineData(42, 18)]
    [InlineData(31, 10)]
    [InlineData(10, 10)]
    public void Write_LessRoom_ShortensTextsOnly(int width, int length)
    {
        var lines = Write(width, Make("top-1 accuracy %")).Split('\n');

        Assert.Equal($"| {"site".PadRight(length)} |    top-1 |  shape |", lines[1]);
        Assert.Contains(lines, line => line.StartsWith($"| {ToolTable.Shorten("blocks.11.mlp.fc1:input", length)} |", StringComparison.Ordinal));
        Assert.All(lines, line => Assert.True(line.Length <= Math.Max(width, 34), line));
        Assert.Contains(lines, static line => line.Contains("12.50 |", StringComparison.Ordinal));
        Assert.Contains(lines, static line => line.Contains(" 1 x 2 |", StringComparison.Ordinal));
    }

    /// <summary>The name of a row gives way last: after other texts, and after columns that are not needed.</summary>
    [Theory]
    [InlineData(80, "| site                    | quantizer of it | bits | scales |")]
    [InlineData(57, "| site                    | quantizer   | bits | scales |")]
    [InlineData(55, "| site                    | quantizer of it | bits |")]
    [InlineData(46, "| site                   | quantizer  | bits |")]
    public void Write_NarrowerAndNarrower_KeepsTheFirstColumnLongest(int width, string expected)
    {
        var table = new ToolTable("site", "quantizer of it", "bits", "scales") { Dispensable = ["scales"] };
        table.AddRow("blocks.11.mlp.fc1:input", "channel-levels", "4", "1 x 2");

        var lines = Write(width, table).Split('\n');

        Assert.Equal(expected, lines[1]);
    }

    [Fact]
    public void Write_ColumnWithoutValues_IsLeftOut()
    {
        var table = new ToolTable("model", "top-1 %", "size");
        table.AddRow("a", "-", "1.5");
        table.AddRow("b", "", "2.5");

        Assert.DoesNotContain("top-1", Write(80, table), StringComparison.Ordinal);
    }

    [Fact]
    public void AddRow_OtherCount_Throws() => Assert.Contains("A row has 1 cells; expected 2.", Assert.Throws<ArgumentException>(static () => new ToolTable("a", "b").AddRow("x")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("blocks.11.mlp.fc1:weight", 12, "blocks…eight")]
    [InlineData("short", 12, "short")]
    [InlineData("abcdef", 5, "ab…ef")]
    public void Shorten_Text_KeepsBothEnds(string text, int length, string expected) => Assert.Equal(expected, ToolTable.Shorten(text, length));

    private static ToolTable Make(string score)
    {
        var table = new ToolTable("site", score, "shape");
        table.AddRow("blocks.11.mlp.fc1:input", "12.50", "1 x 2");
        table.AddRow("[b]", "-", "1E-3 x");
        return table;
    }

    private static string Write(int width, ToolTable table)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = width;
        table.Write(console);
        return text.ToString().ReplaceLineEndings("\n");
    }
}
