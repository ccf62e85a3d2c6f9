using IsVit.Model.Quantization;
using IsVit.Optimization.Reporting;
using static TorchSharp.torch;

namespace IsVit.Optimization.Stages;

/// <summary>Where a run keeps units that are finished.</summary>
internal interface IUnitCheckpoint
{
    /// <summary>Gives what a stage trains of a unit the values that it was left with, if it was finished.</summary>
    /// <param name="stageIndex">Which stage of the recipe, from 0.</param>
    /// <param name="stage">Its name.</param>
    /// <param name="index">Which unit of the model, from 0.</param>
    /// <param name="unit">Its path.</param>
    /// <param name="state">The tensors to give values to, by name.</param>
    /// <returns>What the unit's result was, or null.</returns>
    /// <exception cref="QuantizationException">What was kept is broken, or does not fit the unit.</exception>
    UnitResult? TryLoadUnit(int stageIndex, string stage, int index, string unit, IEnumerable<(string Name, Tensor Value)> state);

    /// <summary>Keeps a finished unit.</summary>
    /// <param name="stageIndex">Which stage of the recipe, from 0.</param>
    /// <param name="index">Which unit of the model, from 0.</param>
    /// <param name="result">Its result.</param>
    /// <param name="state">What it was left with.</param>
    void SaveUnit(int stageIndex, int index, UnitResult result, IEnumerable<(string Name, Tensor Value)> state);
}
