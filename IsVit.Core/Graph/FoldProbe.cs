using IsVit.Core.Arithmetic;
using IsVit.Core.Samples;
using IsVit.Model;
using IsVit.Model.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>
/// Tries out whether a LayerNorm's scale and offset can move into the layers that read its output: with both changed behind the LayerNorm and changed back
/// before those layers, the model's output must stay. Sees what no hook shows, such as a residual addition that reads the same output.
/// </summary>
internal sealed class FoldProbe(ModelForward model, Dictionary<string, nn.Module> modules, SampleBatch sample)
{
    /// <summary>Sites with those roles taken back that do not hold.</summary>
    /// <param name="sites">The sites.</param>
    /// <param name="declared">Ids of sites whose role was declared rather than found.</param>
    /// <exception cref="QuantizationException">A declared role does not hold.</exception>
    public List<Site> Verify(List<Site> sites, IReadOnlySet<string> declared)
    {
        var groups = sites.Where(static site => site.Role == SiteRole.PostLayerNorm).GroupBy(static site => site.Producer!, StringComparer.Ordinal).ToList();
        if (groups.Count == 0)
        {
            return sites;
        }

        using var scope = NewDisposeScope();
        var reference = Run([], Change.Scale);
        if (Holds(groups, 0))
        {
            return sites;
        }

        // A model that does not repeat itself hides small changes, and a large one shows nothing at all.
        var noise = Difference(Run([], Change.Scale), reference);
        var failed = groups.Where(group => !Holds([group], noise)).ToList();
        foreach (var group in failed)
        {
            if (group.FirstOrDefault(site => declared.Contains(site.Id)) is { } site)
            {
                throw new QuantizationException(
                    $"The role {nameof(SiteRole.PostLayerNorm)} declared for '{site.Id}' does not hold: something else than {string.Join(", ", group.Select(static site => $"'{site.Id}'"))} reads the output of '{group.Key}', so its scale cannot move into these layers. Declare every linear layer that reads it, or the role {nameof(SiteRole.Other)}.");
            }
        }

        var rejected = failed.SelectMany(static group => group).ToHashSet();
        return [.. sites.Select(site => rejected.Contains(site) ? site with { Role = SiteRole.Other, Producer = null } : site)];

        bool Holds(IReadOnlyCollection<IGrouping<string, Site>> changed, double noise) =>
            noise > 0.01
            || (Difference(Run(changed, Change.Scale), reference) <= Math.Max(16 * Epsilon, 10 * noise)
                && (IsHalf || Difference(Run(changed, Change.Offset), reference) <= Math.Max(8192 * Epsilon, 10 * noise)));
    }

    // What an addition rounds off in half precision is more than a small misuse would show.
    private bool IsHalf => Type is ScalarType.Float16 or ScalarType.BFloat16;

    private double Epsilon => Type switch
    {
        ScalarType.Float64 => double.BitIncrement(1) - 1,
        ScalarType.Float16 => 1 / 1024.0,
        ScalarType.BFloat16 => 1 / 128.0,
        _ => MathF.BitIncrement(1) - 1,
    };

    // What is computed in is what whole numbers, such as indices of tokens, are looked up in.
    private ScalarType Type => sample.Inputs.FirstOrDefault(static input => is_floating_point(input))?.dtype ?? model.Module.parameters().FirstOrDefault()?.dtype ?? ScalarType.Float32;

    private static double Difference(IReadOnlyList<Tensor> outputs, IReadOnlyList<Tensor> reference) => outputs.Zip(reference, Difference).Max();

    private static double Difference(Tensor output, Tensor reference)
    {
        using var scope = NewDisposeScope();
        var (found, wanted) = (output.to(float64).nan_to_num(), reference.to(float64).nan_to_num());
        return ((found - wanted).norm() / wanted.norm().AtLeast(1e-300)).item<double>();
    }

    private List<Tensor> Run(IReadOnlyCollection<IGrouping<string, Site>> groups, Change change)
    {
        var undo = new List<Action>();
        using var scope = NewDisposeScope();
        try
        {
            foreach (var group in groups)
            {
                var norm = (LayerNorm)modules[group.Key];
                var pattern = Pattern(norm.weight, change);

                // Offsets in proportion to what each channel holds, lest they round it off.
                Tensor? offset = null;
                undo.Add(() => offset?.Dispose());
                undo.Add(norm.register_forward_hook((_, _, y) =>
                {
                    if (change == Change.Scale)
                    {
                        return y * pattern;
                    }

                    // Outlives the scopes that the model may have open here.
                    offset = (pattern * y.abs().reshape(-1, y.shape[^1]).mean([0])).DetachFromDisposeScope();
                    return y.Plus(offset);
                }).remove);
                foreach (var site in group)
                {
                    var reader = (Linear)modules[site.Path];
                    undo.Add(reader.register_forward_pre_hook((_, x) => change == Change.Scale ? x / pattern : offset is null ? x : x - offset).remove);
                }
            }

            return [.. model.Run(sample).Select(output => scope.MoveToOuter(output.clone()))];
        }
        finally
        {
            undo.ForEach(static action => action());
        }
    }

    // Powers of two multiply and divide without rounding. No pattern of width or length repeats in them.
    private static Tensor Pattern(Tensor weight, Change change)
    {
        var values = new double[weight.numel()];
        var state = 1u;
        for (var i = 0; i < values.Length; i++)
        {
            state = (state * 1664525) + 1013904223;
            var step = (int)(state >> 30) - 2;
            values[i] = change == Change.Scale ? Math.Pow(2, step) : step + 0.5;
        }

        return tensor(values).to(weight.dtype).to(weight.device);
    }

    private enum Change
    {
        Scale,
        Offset,
    }
}
