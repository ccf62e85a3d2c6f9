using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Model.Quantization;
using IsVit.Optimization.OutputSensitivity;
using IsVit.Optimization.Stages;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>
/// What an error of a unit's output costs at the model's outputs, which the rest of the float model computes from it: the global loss of GLF-Q. While an instance lives, what runs behind the unit is the float model, and what runs before it
/// as well in stage 1.
/// </summary>
internal sealed class UnitOutputLoss : IDisposable
{
    // Gradients of a good part of the model are in memory for so many images of the usual size at once.
    private const int ImagesAtOnce = 8;

    private readonly QuantizationContext _context;
    private readonly ModelOutputs _outputs;
    private readonly IReadOnlyList<ComparedOutput> _compared;
    private readonly List<(SiteBinding Binding, SiteState State)> _states = [];
    private readonly IDisposable _original;
    private double[]? _first;

    /// <param name="context">The run.</param>
    /// <param name="outputs">What the float model gives for all images.</param>
    /// <param name="index">The unit's number.</param>
    /// <param name="owners">Which unit a parameter or a site belongs to.</param>
    /// <param name="input">What runs before the unit.</param>
    public UnitOutputLoss(QuantizationContext context, ModelOutputs outputs, int index, UnitOwners owners, UnitInput input)
    {
        (_context, _outputs) = (context, outputs);
        _compared = OutputComparison.Of(context).Find(outputs.Wanted.Batch(0));
        foreach (var binding in context.Attachment.Bindings.Where(binding => IsFloat(binding.Site.Path)))
        {
            _states.Add((binding, binding.State));
            binding.State = SiteState.Off;
        }

        _original = context.FloatParameters.Use(IsFloat);

        bool IsFloat(string path) => owners.UnitOf(path) is var owner && (owner < 0 || owner > index || (owner < index && input == UnitInput.Full));
    }

    /// <summary>The loss of images, of each output in units of the first that was asked for, the mean by the outputs' weights.</summary>
    /// <param name="images">Which images.</param>
    public double Find(IReadOnlyList<int> images)
    {
        using var noGrad = no_grad();
        var losses = new double[_compared.Count];
        foreach (var some in Parts(images))
        {
            using var scope = NewDisposeScope();
            var parts = Losses(some);
            for (var i = 0; i < losses.Length; i++)
            {
                losses[i] += parts[i].item<double>() * some.Length / images.Count;
            }
        }

        _first ??= [.. losses.Select(static loss => Math.Max(loss, UnitReconstructor.SmallestLoss))];
        return losses.Select((loss, i) => loss * Factor(i)).Sum();
    }

    /// <summary>Adds the gradients of the loss to what is trained.</summary>
    /// <param name="images">Which images.</param>
    /// <param name="weight">The loss is multiplied with it.</param>
    /// <returns>The loss.</returns>
    public double Backward(IReadOnlyList<int> images, double weight)
    {
        using var gradients = enable_grad();
        var sum = 0.0;
        foreach (var some in Parts(images))
        {
            using var scope = NewDisposeScope();
            var loss = Losses(some).Select((part, i) => part.Times(Factor(i) * weight * some.Length / images.Count)).Aggregate(static (sum, part) => sum.Plus(part));
            loss.backward();
            sum += loss.item<double>();
        }

        return sum;
    }

    public void Dispose()
    {
        _original.Dispose();
        _states.ForEach(static entry => entry.Binding.State = entry.State);
    }

    private double Factor(int output) => _compared[output].Weight / _first![output] / _compared.Sum(static how => how.Weight);

    private IEnumerable<int[]> Parts(IReadOnlyList<int> images) => images.Chunk(CalibrationBatches.AtOnce(_context.Batches, ImagesAtOnce, most: int.MaxValue));

    private List<Tensor> Losses(int[] images)
    {
        var wanted = _outputs.Wanted.Gather(images);
        var found = _context.Graph.Forward.Run(new SampleBatch(_outputs.Images.Gather(images)));
        return [.. _compared.Select(how => how.Loss(found[how.Index], wanted[how.Index]))];
    }
}
