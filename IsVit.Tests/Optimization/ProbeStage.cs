using IsVit.Optimization.Stages;

namespace IsVit.Tests.Optimization;

/// <summary>A stage that a test puts between others, to look or to fail.</summary>
internal sealed class ProbeStage(string name, Action<QuantizationContext> run) : IQuantizationStage
{
    public string Name => name;

    // It may look at anything.
    public IReadOnlyCollection<Type> Reads => [typeof(OutputImportance)];

    public void Run(QuantizationContext context) => run(context);
}
