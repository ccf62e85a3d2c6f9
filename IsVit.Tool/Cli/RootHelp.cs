using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace IsVit.Tool.Cli;

/// <summary>Help that shows examples below the list of commands.</summary>
/// <param name="help">Help as it is for every command.</param>
internal sealed class RootHelp(SynchronousCommandLineAction help) : SynchronousCommandLineAction
{
    /// <summary>Command lines that are shown, each with what it does.</summary>
    public static IReadOnlyList<(string Command, string Effect)> Examples { get; } =
    [
        ("isvit demo", "Quantize two small models that come with the tool, in some minutes"),
        ("isvit models", "List the models that have names"),
        ("isvit quantize --weights SNAPSHOT --calibration IMAGES --output out", "Quantize a model hub's snapshot to 4 bits; --effort quick for a first look"),
        ("isvit evaluate --quantized out/quantized.safetensors --images VAL", "Measure it on a tree of class folders"),
        ("isvit classify photo.jpg --quantized out/quantized.safetensors", "Ask it what is in an image"),
        ("isvit export --quantized out/quantized.safetensors --output model.onnx", "Write it for ONNX Runtime"),
    ];

    /// <inheritdoc/>
    public override bool ClearsParseErrors => true;

    /// <summary>Lets the root command's help show them.</summary>
    /// <param name="root">The root command.</param>
    public static void AddTo(RootCommand root)
    {
        var option = root.Options.OfType<HelpOption>().Single();
        option.Action = new RootHelp((SynchronousCommandLineAction)option.Action!);
    }

    /// <inheritdoc/>
    public override int Invoke(ParseResult parseResult)
    {
        var code = help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is RootCommand)
        {
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (var (command, effect) in Examples)
            {
                output.WriteLine($"  {command}");
                output.WriteLine($"      {effect}");
            }

            output.WriteLine();
            output.WriteLine("'isvit COMMAND --help' shows a command's options.");
        }

        return code;
    }
}
