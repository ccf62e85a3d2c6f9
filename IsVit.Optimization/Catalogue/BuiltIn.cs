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

/// <summary>The quantizers and stages that the library has, and its recipes (<see cref="QuantizationRecipes"/>). The only place of the engine that names a concrete quantizer.</summary>
public static class BuiltIn
{
    private static readonly Granularity s_lastAxis = Granularity.Channel(-1);
    private static readonly Granularity s_firstAxis = Granularity.Channel(0);

    /// <summary>A registry of all built-in quantizers, and others beside them or in their place.</summary>
    /// <param name="more">Makers of quantizers of other schemes, or of others for schemes that there are.</param>
    public static QuantizerRegistry CreateRegistry(params IEnumerable<IQuantizerFactory> more) => new(QuantizerFactories().Concat(more)) { FormerSchemes = FormerNames.Schemes };

    /// <summary>Makers of all built-in quantizers, one for each of <see cref="SchemeNames"/>.</summary>
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

    /// <summary>All built-in stages, one for each of <see cref="StageNames"/>, in the order in which <c>isvit</c> runs those that it has.</summary>
    public static IReadOnlyList<IQuantizationStage> Stages() =>
    [
        new HeadRotationStage(),
        new ValueNormalizationStage(),
        new ActivationCalibrationStage(),
        new OutputSensitivityStage(),
        new RidgeCorrectionStage(),
        new ReconstructionStage(StageNames.ActivationReconstruction, UnitInput.Full),
        new ReparameterizationStage(),
        new WeightCalibrationStage(),
        new GptqStage(),
        new BiasCorrectionStage(),
        new ReconstructionStage(StageNames.WeightReconstruction, UnitInput.Quantized),
        new OutputTuningStage(),
        new ReconstructionStage(StageNames.DirectReconstruction, UnitInput.Quantized, iterationFactor: 2),
    ];

    internal static IReadOnlyList<QuantizationRecipe> Recipes()
    {
        string[] calibration = [StageNames.ActivationCalibration, StageNames.WeightCalibration];
        string[] repq = [StageNames.ActivationCalibration, StageNames.Reparameterization, StageNames.WeightCalibration];
        string[] released =
        [
            StageNames.ActivationCalibration,
            StageNames.ActivationReconstruction,
            StageNames.Reparameterization,
            StageNames.WeightCalibration,
            StageNames.WeightReconstruction,
        ];
        string[] sos = [StageNames.HeadRotation, StageNames.OutputSensitivity, StageNames.ValueNormalization, released[0], StageNames.RidgeCorrection, .. released[1..^1], StageNames.Gptq, StageNames.BiasCorrection, StageNames.WeightReconstruction, StageNames.OutputTuning];

        // What SOS is compared with differs from it in nothing but the order: everything quantized at once, and one reconstruction.
        string[] direct = [StageNames.HeadRotation, StageNames.OutputSensitivity, StageNames.ValueNormalization, calibration[0], StageNames.RidgeCorrection, .. calibration[1..], StageNames.Gptq, StageNames.BiasCorrection, StageNames.DirectReconstruction, StageNames.OutputTuning];
        return
        [
            Recipe(RecipeNames.ISVit, SchemeNames.ShiftUniformLog2Fitted, s_lastAxis, sos, SchemeNames.UniformMse, SchemeNames.ChannelLevels, SchemeNames.FreeLevels),
            Recipe(RecipeNames.Released, SchemeNames.ShiftUniformLog2Released, s_lastAxis, released) with { LearningRate = 4e-5, DropProbability = 0, HeldOutShare = 0, FreshViews = false },
            Recipe(RecipeNames.RepQ, SchemeNames.LogSqrt2, s_lastAxis, repq),
            Recipe(RecipeNames.MinMax, SchemeNames.UniformMinMax, Granularity.Tensor, calibration, SchemeNames.UniformMinMax),
            Recipe(RecipeNames.Percentile, SchemeNames.Uniform, Granularity.Tensor, calibration),
            Recipe(RecipeNames.SulqOnly, SchemeNames.ShiftUniformLog2Fitted, Granularity.Tensor, direct, SchemeNames.UniformMse, SchemeNames.ChannelLevels, SchemeNames.FreeLevels),
            Recipe(RecipeNames.SosOnly, SchemeNames.Log2Mse, s_lastAxis, sos, SchemeNames.UniformMse, SchemeNames.ChannelLevels, SchemeNames.FreeLevels),
            Recipe(RecipeNames.Baseline, SchemeNames.Log2Mse, Granularity.Tensor, direct, SchemeNames.UniformMse, SchemeNames.ChannelLevels, SchemeNames.FreeLevels),
            Recipe(RecipeNames.Uniform, SchemeNames.UniformMse, s_lastAxis, sos, SchemeNames.UniformMse),
            Recipe(RecipeNames.IntegerArithmetic, SchemeNames.UniformMse, s_lastAxis, sos, SchemeNames.UniformMse, SchemeNames.UniformSymmetricMse),
            new(
                RecipeNames.WeightOnly,
                new Dictionary<SiteRole, SiteScheme> { [SiteRole.Weight] = new(SchemeNames.UniformSymmetricMse, s_firstAxis) },
                [StageNames.OutputSensitivity, StageNames.WeightCalibration, StageNames.Gptq, StageNames.BiasCorrection, StageNames.WeightReconstruction]),
        ];
    }

    private static UniformQuantizerFactory Uniform(RangeObserver search, bool symmetric = false) => new(
        UniformOptions.Activations with { RangeObserver = search, Symmetric = symmetric }, UniformOptions.Weights with { RangeObserver = search, Symmetric = symmetric });

    private static ShiftUniformLog2QuantizerFactory Sulq(ImmutableArray<double> etaGrid) =>
        new(new ShiftUniformLog2Options { Levels = SulqLevels.PowerOfTwo, EtaGrid = etaGrid });

    private static QuantizationRecipe Recipe(
        string name,
        string postSoftmax,
        Granularity postLayerNorm,
        IReadOnlyList<string> stages,
        string uniform = SchemeNames.Uniform,
        string? weight = null,
        string? other = null)
    {
        SiteScheme Linear(Granularity granularity, string? scheme) => new(scheme ?? uniform, granularity) { WideScheme = other is null ? null : uniform };
        return new(
            name,
            new Dictionary<SiteRole, SiteScheme>
            {
                [SiteRole.Other] = Linear(Granularity.Tensor, other),
                [SiteRole.PostGelu] = Linear(Granularity.Tensor, other) with { WideScheme = null },
                [SiteRole.PostLayerNorm] = Linear(postLayerNorm, other),
                [SiteRole.PostSoftmax] = new(postSoftmax, Granularity.Tensor),
                [SiteRole.Weight] = Linear(s_firstAxis, weight),
            },
            stages);
    }
}
