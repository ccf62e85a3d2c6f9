using IsVit.Model.Quantization;
using IsVit.Optimization.Reporting;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>Where a run keeps units that are finished.</summary>
internal interface IUnitCheckpoint
{
    /// <summary>Gives a unit the parameters that it was left with, and its quantizers what they had learned, if it was finished.</summary>
    /// <param name="stageIndex">Which stage of the recipe, from 0.</param>
    /// <param name="stage">Its name.</param>
    /// <param name="index">Which unit of the model, from 0.</param>
    /// <param name="unit">Its path.</param>
    /// <param name="parameters">The parameters to give values to.</param>
    /// <param name="learned">The quantizers' vectors to give values to, by site.</param>
    /// <returns>What the unit's result was, or null.</returns>
    /// <exception cref="QuantizationException">What was kept is broken, or does not fit the unit.</exception>
    UnitResult? TryLoadUnit(int stageIndex, string stage, int index, string unit, IReadOnlyList<(string Name, Parameter Parameter)> parameters, IReadOnlyList<(string Site, Tensor Vector)> learned);

    /// <summary>Keeps a finished unit.</summary>
    /// <param name="stageIndex">Which stage of the recipe, from 0.</param>
    /// <param name="index">Which unit of the model, from 0.</param>
    /// <param name="result">Its result.</param>
    /// <param name="parameters">What it was left with.</param>
    /// <param name="learned">What its quantizers learned, by site.</param>
    void SaveUnit(int stageIndex, int index, UnitResult result, IReadOnlyList<(string Name, Parameter Parameter)> parameters, IReadOnlyList<(string Site, Tensor Vector)> learned);
}
