using IsVit.Tool.Inputs;
using IsVit.Tool.Terminal;

namespace IsVit.Tool.Workloads;

/// <summary>Opens what the arguments name.</summary>
internal static class Workload
{
    /// <summary>Looks up the model, its files and its images, and loads it: what is wrong with any of them is known before the first costly step.</summary>
    /// <param name="console">Where warnings go.</param>
    /// <param name="arguments">What was asked for.</param>
    public static IWorkload Open(ToolConsole console, QuantizeArguments arguments) =>
        arguments.Model is { } name && ModelKinds.IsDetector(name) ? new DetectorWorkload(console, arguments) : new ClassifierWorkload(console, arguments);
}
