using System.Collections.Immutable;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.BiasCorrection;
using IsVit.Optimization.Calibration;
using IsVit.Optimization.LeastSquares;
using IsVit.Optimization.HeadRotation;
using IsVit.Optimization.OutputSensitivity;
using IsVit.Optimization.OutputTuning;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Reconstruction;
using IsVit.Optimization.Reparameterization;
using IsVit.Optimization.Stages;
using IsVit.Optimization.ValueNormalization;
using IsVit.Quantizers.FreeLevels;
using IsVit.Quantizers.Log2;
using IsVit.Quantizers.LogSqrt2;
using IsVit.Quantizers.ShiftUniformLog2;
using IsVit.Quantizers.TwinUniform;
using IsVit.Quantizers.Uniform;

namespace IsVit.Optimization.Catalogue;

/// <summary>The library's quantizers and stages, and its recipes (<see cref="QuantizationRecipes"/>). The only place in the engine that refers to concrete quantizers.</summary>
public static class BuiltIn
{
    private static readonly Granularity s_lastAxis = Granularity.Channel(-1);

    /// <summary>Creates a registry of all built-in quantizers, plus additional ones or replacements.</summary>
    /// <param name="more">Factories of quantizers of other schemes, or of replacements for existing schemes.</param>
    public static QuantizerRegistry CreateRegistry(params IEnumerable<IQuantizerFactory> more) => new(QuantizerFactories().Concat(more)) { FormerSchemes = FormerNames.Schemes };

    /// <summary>Factories of all built-in quantizers, one for each of <see cref="SchemeNames"/>.</summary>
    public static IReadOnlyList<IQuantizerFactory> QuantizerFactories() =>
    [
        new UniformQuantizerFactory(),
        new AliasQuantizerFactory(SchemeNames.UniformMinMax, Uniform(RangeObserver.MinMax)),
        new AliasQuantizerFactory(SchemeNames.UniformMse, Uniform(RangeObserver.Mse)),
        new AliasQuantizerFactory(SchemeNames.UniformSymmetric, new UniformQuantizerFactory(
            UniformOptions.Activations with { Symmetric = true }, UniformOptions.Weights with { Symmetric = true })),
        new AliasQuantizerFactory(SchemeNames.UniformSymmetricMse, Uniform(RangeObserver.Mse, symmetric: true)),
        new Log2QuantizerFactory(),
        new AliasQuantizerFactory(SchemeNames.Log2Mse, new Log2QuantizerFactory(new Log2Options { SearchScale = true })),
        new LogSqrt2QuantizerFactory(),
        new TwinUniformQuantizerFactory(),
        new ShiftUniformLog2QuantizerFactory(),
        new FreeLevelsQuantizerFactory(),
        new ChannelLevelsQuantizerFactory(),
        new AliasQuantizerFactory(SchemeNames.ShiftUniformLog2Fitted, new ShiftUniformLog2QuantizerFactory(new ShiftUniformLog2Options { Levels = SulqLevels.Fitted })),
        new AliasQuantizerFactory(SchemeNames.ShiftUniformLog2PowerOfTwo, Sulq(ShiftUniformLog2Options.DefaultEtaGrid)),
        new AliasQuantizerFactory(SchemeNames.ShiftUniformLog2Released, Sulq(ShiftUniformLog2Options.ReleasedEtaGrid)),
    ];

    /// <summary>All built-in stages, one for each of <see cref="StageNames"/>, in the order in which <c>isvit</c> runs those that it contains.</summary>
    public static IReadOnlyList<IQuantizationStage> Stages() =>
    [
        new HeadRotationStage(),
        new OutputSensitivityStage(),
        new ValueNormalizationStage(),
        new ActivationCalibrationStage(),
        new RidgeCorrectionStage(),
        new ReconstructionStage(StageNames.ActivationReconstruction, UnitInput.Full),
        new ReparameterizationStage(),
        new WeightCalibrationStage(),
        new GptqStage(),
        new BiasCorrectionStage(),
        new ReconstructionStage(StageNames.WeightReconstruction, UnitInput.Quantized),
        new ReconstructionStage(StageNames.DirectReconstruction, UnitInput.Quantized, iterationFactor: 2),
        new OutputTuningStage(),
    ];

    /// <summary>Returns the built-in stage with a name, or with a name that it had in an earlier version.</summary>
    /// <param name="name">One of <see cref="StageNames"/>.</param>
    /// <exception cref="OptionsException">No such stage exists.</exception>
    public static IQuantizationStage Stage(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var stages = Stages();
        return stages.FirstOrDefault(stage => stage.Name == FormerNames.Stage(name))
            ?? throw new OptionsException($"There is no stage '{name}'; known are {string.Join(", ", stages.Select(static stage => stage.Name))}.");
    }

    internal static IReadOnlyList<QuantizationRecipe> Recipes() =>
    [
        IsVitLike(RecipeNames.ISVit).Sites(SiteRole.PostSoftmax, SchemeNames.ShiftUniformLog2Fitted).Then(Sos()).Create(),
        Uniform(RecipeNames.Released, SchemeNames.Uniform).Sites(SiteRole.PostSoftmax, SchemeNames.ShiftUniformLog2Released)
            .Then(Named(StageNames.ActivationCalibration, StageNames.ActivationReconstruction, StageNames.Reparameterization, StageNames.WeightCalibration, StageNames.WeightReconstruction))
            .With(static recipe => recipe with { LearningRate = 4e-5, DropProbability = 0, HeldOutShare = 0, FreshViews = false }).Create(),
        Uniform(RecipeNames.RepQ, SchemeNames.Uniform).Sites(SiteRole.PostSoftmax, SchemeNames.LogSqrt2)
            .Then(Named(StageNames.ActivationCalibration, StageNames.Reparameterization, StageNames.WeightCalibration)).Create(),
        Uniform(RecipeNames.MinMax, SchemeNames.UniformMinMax, perChannel: false).Then(Named(StageNames.ActivationCalibration, StageNames.WeightCalibration)).Create(),
        Uniform(RecipeNames.Percentile, SchemeNames.Uniform, perChannel: false).Then(Named(StageNames.ActivationCalibration, StageNames.WeightCalibration)).Create(),
        IsVitLike(RecipeNames.SulqOnly, perChannel: false).Sites(SiteRole.PostSoftmax, SchemeNames.ShiftUniformLog2Fitted).Then(Direct()).Create(),
        IsVitLike(RecipeNames.SosOnly).Sites(SiteRole.PostSoftmax, SchemeNames.Log2Mse).Then(Sos()).Create(),
        IsVitLike(RecipeNames.Baseline, perChannel: false).Sites(SiteRole.PostSoftmax, SchemeNames.Log2Mse).Then(Direct()).Create(),
        Uniform(RecipeNames.Uniform, SchemeNames.UniformMse).Then(Sos()).Create(),
        Uniform(RecipeNames.IntegerArithmetic, SchemeNames.UniformMse).Weights(SchemeNames.UniformSymmetricMse).Then(Sos()).Create(),
        QuantizationRecipe.Build(RecipeNames.WeightOnly).Weights(SchemeNames.UniformSymmetricMse)
            .Then(Named(StageNames.OutputSensitivity, StageNames.WeightCalibration, StageNames.Gptq, StageNames.BiasCorrection, StageNames.WeightReconstruction)).Create(),
    ];

    private static IEnumerable<IQuantizationStage> Named(params IEnumerable<string> names) => names.Select(Stage);

    private static IEnumerable<IQuantizationStage> Sos() => Stages().Where(static stage => stage.Name != StageNames.DirectReconstruction);

    // What SOS is compared with differs from it in nothing but the order: everything quantized at once, and one reconstruction.
    private static IEnumerable<IQuantizationStage> Direct() =>
        Stages().Where(static stage => stage.Name is not (StageNames.ActivationReconstruction or StageNames.Reparameterization or StageNames.WeightReconstruction));

    // Post-LayerNorm activations have a scale for each channel until stage 2, where there is one.
    private static RecipeBuilder Uniform(string name, string scheme, bool perChannel = true) =>
        QuantizationRecipe.Build(name).Weights(scheme).Activations(scheme).Sites(SiteRole.PostLayerNorm, scheme, perChannel ? s_lastAxis : null);

    // So many levels as 7 bits have lie so densely that equal steps serve nearly as well, but behind GELU.
    private static RecipeBuilder IsVitLike(string name, bool perChannel = true) => QuantizationRecipe.Build(name)
        .Weights(SchemeNames.ChannelLevels, wideScheme: SchemeNames.UniformMse)
        .Activations(SchemeNames.FreeLevels, wideScheme: SchemeNames.UniformMse)
        .Sites(SiteRole.PostGelu, SchemeNames.FreeLevels)
        .Sites(SiteRole.PostLayerNorm, SchemeNames.FreeLevels, perChannel ? s_lastAxis : null, SchemeNames.UniformMse);

    private static UniformQuantizerFactory Uniform(RangeObserver search, bool symmetric = false) => new(
        UniformOptions.Activations with { RangeObserver = search, Symmetric = symmetric }, UniformOptions.Weights with { RangeObserver = search, Symmetric = symmetric });

    private static ShiftUniformLog2QuantizerFactory Sulq(ImmutableArray<double> etaGrid) =>
        new(new ShiftUniformLog2Options { Levels = SulqLevels.PowerOfTwo, EtaGrid = etaGrid });
}
