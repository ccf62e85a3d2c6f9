using IsVit.Core.Graph;
using IsVit.Model;
using IsVit.Optimization;
using OwnModel;
using TorchSharp;

torch.random.manual_seed(0);
using var model = new Encoder(width: 32, depth: 2, classes: 10); // yours would be trained
using var images = torch.rand(64, 3, 32, 32); // and its calibration images real

// snippet: declare
var trace = new TraceOptions
{
    // Product knows nothing of this library, so it cannot carry IMatrixProduct.
    MatrixProducts = (path, module) => module is Product,

    // What the classifier reads is the mean of the LayerNorm's tokens: other numbers, whose origin a trace cannot see.
    Roles = [new RoleDeclaration("classifier", SiteOperand.Input, SiteRole.PostLayerNorm, "norm")],

    // Where the heads lie: one here, as wide as the model. They are rotated, so that no channel's outliers take the others' range.
    Attentions =
    [
        new AttentionDeclaration(HeadCount: 1)
        {
            Query = new("layers.*.query", Width: 32),
            Key = new("layers.*.key", Width: 32),
            Value = new("layers.*.value", Width: 32),
            Output = "layers.*.output",
        },
    ],

    // What is reconstructed at once. Left out, the same would be found here.
    Units = ["stem", "layers.*", "classifier"],
};
// end

// snippet: look
var graph = ModuleGraph.Trace(model, images.narrow(0, 0, 1), trace);
foreach (var site in graph.Sites)
{
    Console.WriteLine($"{site.Id,-28} {site.Role,-14} {site.Producer}");
}
// end

// snippet: quantize
var quantizer = ModelQuantizer.Create(o =>
{
    o.Reconstruction.Iterations = 50;
    o.Reconstruction.BatchSize = 16;
    o.Overrides = [new() { Pattern = "classifier", Bits = 8 }, new() { Pattern = "stem", Quantize = false }];
});
using var quantized = quantizer.Quantize(model, images, new QuantizationRun { Trace = trace });
using var logits = quantized.Predict(images);
// end

foreach (var unit in quantized.Report!.Units)
{
    Console.WriteLine($"{unit.Stage,-26} {unit.Unit,-12} loss {unit.LossBefore:g4} -> {unit.LossAfter:g4}");
}
