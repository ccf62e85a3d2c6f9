using IsVit.Core.Models;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using Microsoft.Extensions.DependencyInjection;
using OwnQuantizer;
using TorchSharp;

// snippet: register
var services = new ServiceCollection();
services.AddSingleton<IQuantizerFactory, SquareRootQuantizerFactory>();
services.AddIsVitQuantization(o => o.Overrides =
[
    new() { Pattern = "blocks.*.attn.av", Operand = SiteOperand.Left, Scheme = SquareRootQuantizer.SchemeName },
]);
// end

// snippet: recipe
var isvit = QuantizationRecipes.All.Single(recipe => recipe.Name == RecipeNames.ISVit);
services.AddSingleton(isvit with
{
    Name = "isvit-square-root",
    Schemes = new Dictionary<SiteRole, SiteScheme>(isvit.Schemes) { [SiteRole.PostSoftmax] = new(SquareRootQuantizer.SchemeName, Granularity.Tensor) },
});
// end

services.Configure<QuantizationOptions>(o => o.Reconstruction.Iterations = 5);
using var provider = services.BuildServiceProvider();
torch.random.manual_seed(0);
using var images = torch.rand(16, 1, 28, 28);
using var model = ModelCatalog.Create(ModelCatalog.Demo);
using (var quantized = provider.GetRequiredService<ModelQuantizer>().Quantize(model, images))
{
    foreach (var binding in quantized.Attachment.Bindings.Where(binding => binding.Site.Role == SiteRole.PostSoftmax))
    {
        Console.WriteLine($"{binding.Site.Id,-24} {binding.Quantizer.Scheme}, {binding.Quantizer.Bits} bits");
    }

    quantized.Save("square-root.safetensors");
}

// snippet: load
using var fresh = ModelCatalog.Create(ModelCatalog.Demo);
using var loaded = QuantizedModel.Load("square-root.safetensors", fresh, provider.GetRequiredService<QuantizerRegistry>());
// end
using var logits = loaded.Predict(images);
Console.WriteLine($"logits [{string.Join(", ", logits.shape)}]");
