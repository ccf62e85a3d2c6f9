using System.CommandLine;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Cli;

/// <summary>The tool's commands.</summary>
internal static class Commands
{
    /// <summary>All commands under one root.</summary>
    /// <param name="console">Where they write.</param>
    public static RootCommand CreateRoot(ToolConsole console)
    {
        var root = new RootCommand("I&S-ViT: post-training quantization of vision transformers to a few bits.")
        {
            DemoCommand.Create(console),
            QuantizeCommand.Create(console),
            SensitivityCommand.Create(console),
            SweepCommand.Create(console),
            WorkerCommand.Create(console),
            EvaluateCommand.Create(console),
            CompareCommand.Create(console),
            DriftCommand.Create(console),
            ExportCommand.Create(console),
            InspectCommand.Create(console),
            BenchCommand.Create(console),
            ClassifyCommand.Create(console),
            DetectCommand.Create(console),
            ModelsCommand.Create(console),
            TrainDemoCommand.Create(console),
            CompletionCommand.Create(console),
        };
        RootHelp.AddTo(root);
        return root;
    }
}
