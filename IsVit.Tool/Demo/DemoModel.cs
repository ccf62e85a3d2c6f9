using IsVit.Core.Models;

namespace IsVit.Tool.Demo;

/// <summary>One of the small models that come with the tool.</summary>
/// <param name="Name">Its name in the catalogue.</param>
/// <param name="Training">How its weights are made.</param>
/// <param name="BitWidths">The bit widths at which the demo shows it.</param>
internal sealed record DemoModel(string Name, DemoTrainingOptions Training, IReadOnlyList<int> BitWidths)
{
    /// <summary>All of them, in the order in which the demo shows them.</summary>
    public static IReadOnlyList<DemoModel> All { get; } =
    [
        new(ModelCatalog.Demo, new DemoTrainingOptions(), [4, 3]),
        new(ModelCatalog.DemoSwin, new DemoTrainingOptions { Epochs = 12 }, [3]),
    ];

    /// <summary>The file of weights: float32, timm's names.</summary>
    public string WeightsFile => $"{Name}.safetensors";

    /// <summary>The file that says how the weights came to be.</summary>
    public string CardFile => $"{Name}.md";

    /// <summary>The model's shape.</summary>
    public ModelPreset Preset => ModelCatalog.Find(Name);

    /// <summary>One of the models by its name.</summary>
    /// <param name="name">The name; there is one of it.</param>
    public static DemoModel Find(string name) => All.Single(model => model.Name == name);
}
