using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace OwnStage;

// snippet: stage
/// <summary>Measures how much noise quantization has put into what each unit gives, in decibels below the float model's signal.</summary>
public sealed class NoiseStage : IQuantizationStage
{
    public string Name => "noise";

    // Before these there is no noise.
    public IReadOnlyCollection<string> After => [StageNames.ActivationCalibration, StageNames.WeightCalibration];

    public IReadOnlyCollection<Type> Writes => [typeof(UnitNoise)];

    public void Run(QuantizationContext context)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var wanted = new Dictionary<string, Tensor>();
        var decibels = new Dictionary<string, double>();
        using (context.Attachment.Suspend())
        using (context.FloatParameters.Use())
        {
            // The model's own scopes end before they are needed.
            Watch(context, (unit, y) => wanted[unit] = y.clone().DetachFromDisposeScope());
        }

        Watch(context, (unit, y) =>
        {
            using var signal = wanted[unit];
            decibels[unit] = -20 * Math.Log10((y - signal).norm().item<float>() / signal.norm().item<float>());
        });
        context.Publish(new UnitNoise(decibels));
    }

    private static void Watch(QuantizationContext context, Action<string, Tensor> see)
    {
        var removals = context.Graph.Units.Select(unit => ((nn.Module<Tensor, Tensor>)context.Graph.Modules[unit.Path]).register_forward_hook((_, _, y) =>
        {
            see(unit.Path, y);
            return y;
        })).ToList();
        context.Graph.Forward.Run(context.Batches[0]);
        removals.ForEach(hook => hook.remove());
    }
}

/// <summary>What the stage finds out.</summary>
/// <param name="Decibels">By a unit's path.</param>
public sealed record UnitNoise(IReadOnlyDictionary<string, double> Decibels);
// end
