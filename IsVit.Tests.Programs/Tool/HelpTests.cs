using System.CommandLine;
using IsVit.Tool.Cli;
using IsVit.Tool.Terminal;

namespace IsVit.Tests.Programs.Tool;

/// <summary>What help shows can be typed.</summary>
public sealed class HelpTests
{
    [Fact]
    public async Task Run_NoArguments_PrintsHelpWithExamples()
    {
        var run = await ToolRun.Of();
        var help = await ToolRun.Of("--help");
        var ofACommand = await ToolRun.Of("models", "--help");

        Assert.Equal(("", 0), (run.Error, run.ExitCode));
        Assert.Equal(help.Output, run.Output);
        Assert.Contains("\n  isvit classify photo.jpg --quantized out/quantized.safetensors\n", run.Output, StringComparison.Ordinal);
        Assert.Contains("train-demo", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Examples:", ofACommand.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Examples_Each_Parses()
    {
        var root = Commands.CreateRoot(new ToolConsole(TextWriter.Null, TextWriter.Null, isInteractive: false));

        Assert.NotEmpty(RootHelp.Examples);
        Assert.All(RootHelp.Examples, example =>
        {
            Assert.StartsWith("isvit ", example.Command, StringComparison.Ordinal);
            Assert.InRange(example.Command.Length, 1, 78);
            Assert.Empty(root.Parse(example.Command["isvit ".Length..].Split(' ')).Errors);
        });
    }

    /// <summary>A default that help shows in another spelling than the option takes misleads.</summary>
    [Fact]
    public async Task Help_DefaultOfEveryOption_IsAccepted()
    {
        var root = Commands.CreateRoot(new ToolConsole(TextWriter.Null, TextWriter.Null, isInteractive: false));
        var shown = 0;
        foreach (var command in root.Subcommands)
        {
            var help = (await ToolRun.Of(command.Name, "--help")).Output;
            foreach (var option in command.Options.Where(static option => option.HasDefaultValue && option.ValueType != typeof(bool)))
            {
                var line = help.Split("\n  -").First(part => part.StartsWith(option.Name[1..] + " ", StringComparison.Ordinal));
                var text = string.Join(' ', line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
                if (text.LastIndexOf("[default: ", StringComparison.Ordinal) is var start and >= 0)
                {
                    var value = text[(start + "[default: ".Length)..text.LastIndexOf(']')];
                    Assert.DoesNotContain(root.Parse([command.Name, option.Name, value]).Errors, error => error.Message.Contains($"'{value}'", StringComparison.Ordinal) || error.Message.StartsWith($"{option.Name} is '", StringComparison.Ordinal));
                    shown++;
                }
            }
        }

        Assert.InRange(shown, 20, 200);
    }
}
