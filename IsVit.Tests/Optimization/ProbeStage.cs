using IsVit.Optimization.Stages;

namespace IsVit.Tests.Optimization;

/// <summary>A stage that a test puts between others, to look or to fail.</summary>
internal sealed class ProbeStage(string name, Action<QuantizationContext> run) : IQuantizationStage
{
    public string Name => name;

    public void Run(QuantizationContext context) => run(context);
}
