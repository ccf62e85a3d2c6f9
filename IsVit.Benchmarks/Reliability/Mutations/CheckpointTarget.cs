using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Core.Models.WeightFiles;
using IsVit.Optimization.Catalogue;
using IsVit.Optimization.Checkpoints;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reporting;
using IsVit.Optimization.Stages;
using IsVit.Tests.Runtime;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>The folder of a run that was stopped: a unit's file, and the run's own.</summary>
internal sealed class CheckpointTarget : Target
{
    private const string Unit = "blocks.0";
    private const string Stage = "stage";

    private readonly QuantizationOptions _options = new();
    private readonly QuantizationRecipe _recipe = QuantizationRecipes.Find(RecipeNames.MinMax)!;
    private readonly Core.Models.VisionTransformer _model = SmallModels.Vit();
    private readonly ModuleGraph _graph;
    private readonly SampleBatch[] _batches;
    private readonly (string Name, torch.Tensor Value)[] _state;
    private readonly string _unitName;
    private readonly byte[] _values;

    public CheckpointTarget()
    {
        _batches = [new SampleBatch(SmallModels.Images(2))];
        _graph = ModuleGraph.Trace(_model, SmallModels.Images(1));
        _state = [.. _model.named_parameters().Where(static entry => entry.name.StartsWith(Unit, StringComparison.Ordinal)).Select(static entry => (entry.name, entry.parameter.detach()))];
        _values = Values();
        using (var checkpoint = Open())
        {
            checkpoint.SaveUnit(0, 0, new UnitResult { Unit = Unit, Stage = Stage, LossBefore = 0.5, LossAfter = 0.25, Iterations = 6, Duration = TimeSpan.FromSeconds(1.5), StopReason = StopReason.Completed }, _state);
        }

        _unitName = Path.GetFileName(Directory.GetFiles(Folder, "*.safetensors").Single());
        Whole = [File.ReadAllBytes(Path.Combine(Folder, _unitName)), File.ReadAllBytes(Path.Combine(Folder, "run.json"))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Whole { get; }

    /// <inheritdoc/>
    public override byte[] Damage(int which, Random random, out bool isSealed)
    {
        isSealed = false;
        return which == 1 ? TextDamage.Of(Whole[1], random)
            : random.Next(2) == 0 ? base.Damage(which, random, out isSealed)
            : new ModelFileDamage(Whole[which]).Of(random, out _, out isSealed);
    }

    /// <inheritdoc/>
    public override void Read(byte[] file, int which, bool isSealed)
    {
        Write(_unitName, which == 0 ? file : Whole[0]);
        Write("run.json", which == 1 ? file : Whole[1]);
        using (torch.no_grad())
        {
            foreach (var (_, value) in _state)
            {
                value.zero_();
            }
        }

        UnitResult? result;
        using (var checkpoint = Restored())
        {
            result = checkpoint.TryLoadUnit(0, Stage, 0, Unit, _state);
        }

        if (result is null)
        {
            throw new WrongLoadException("the unit was not found");
        }

        if (!isSealed && (!Values().AsSpan().SequenceEqual(_values) || (result.LossBefore, result.LossAfter, result.Iterations, result.Duration.TotalSeconds) != (0.5, 0.25, 6, 1.5)))
        {
            throw new WrongLoadException("another state than was saved");
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _model.Dispose();
        base.Dispose();
    }

    // The model is that of before, so that the run is the same.
    private RunCheckpoint Restored() => RunCheckpoint.Open(Folder, _options, _recipe, new SquaredErrorLoss(), _original ??= ModuleGraph.Trace(SmallModels.Vit(), SmallModels.Images(1)), _batches);

    private ModuleGraph? _original;

    private RunCheckpoint Open() => RunCheckpoint.Open(Folder, _options, _recipe, new SquaredErrorLoss(), _graph, _batches);

    private byte[] Values() => [.. _state.SelectMany(static entry => entry.Value.bytes.ToArray())];
}
