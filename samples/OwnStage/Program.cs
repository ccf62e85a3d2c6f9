using IsVit.Core.Graph;
using IsVit.Core.Models;
using IsVit.Core.Samples;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Stages;
using OwnStage;
using TorchSharp;

// snippet: recipe
var recipe = QuantizationRecipe.Build("noisy")
    .Weights(SchemeNames.UniformMse)
    .Activations(SchemeNames.UniformMse)
    .Then(
        BuiltIn.Stage(StageNames.ActivationCalibration),
        BuiltIn.Stage(StageNames.WeightCalibration),
        new ReconstructionStage("reconstruction", UnitInput.Quantized) { Options = new ReconstructionOptions { Iterations = 20, BatchSize = 8 } },
        new NoiseStage())
    .Create();
var options = new QuantizationOptions { Recipe = recipe.Name };
var quantizer = new ModelQuantizer(options, BuiltIn.CreateRegistry(), [recipe], [], new SquaredErrorLoss());
// end

torch.random.manual_seed(0);
using var images = torch.rand(16, 1, 28, 28);
using var model = ModelCatalog.Create(ModelCatalog.Demo);

// snippet: alone
using var samples = new InMemorySamples([images]);
using (var context = quantizer.Prepare(ModelForward.Of(model), samples))
{
    foreach (var stage in context.Recipe.Stages)
    {
        stage.Check(context);
        stage.Run(context);
    }

    foreach (var (unit, decibels) in context.Find<UnitNoise>()!.Decibels)
    {
        Console.WriteLine($"{unit,-12} {decibels:F1} dB");
    }
}
// end
