using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Model.Quantization;
using IsVit.Optimization.Observation;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.OutputSensitivity;

/// <summary>Holds on to one of the tensors that a module gives and sums up, over several images, the squares of derivatives by it.</summary>
/// <param name="path">The module's path.</param>
/// <param name="module">The module.</param>
/// <param name="which">Which of its outputs.</param>
/// <param name="imageAxis">The axis of the output along which images lie; null if there is no such.</param>
/// <param name="isUnit">Whether it is a unit.</param>
/// <param name="isReader">Whether it is a layer or a product that sites belong to.</param>
internal sealed class OutputProbe(string path, nn.Module module, int which, int? imageAxis, bool isUnit, bool isReader) : IDisposable
{
    // By the images that are measured alone, all but a class token may count nothing; what is fitted to so few numbers is fitted to those images.
    private const double EvenShare = 0.5;

    private readonly RunningSum _elements = new();
    private readonly RunningSum _vectors = new();
    private readonly RunningSum _outputs = new();
    private readonly RunningSum _outputSquares = new();
    private long _images;
    private int _calls;
    private bool _isSeveral;

    public string Path => path;

    /// <summary>Which of the module's outputs it is.</summary>
    public int Which => which;

    /// <summary>The sum of the sensitivities of all elements, and how many elements there are; null for none.</summary>
    public (double Sum, long Count)? Total
    {
        get
        {
            using var scope = NewDisposeScope();
            return _elements.Value is { } elements ? (elements.sum().item<double>(), elements.numel()) : null;
        }
    }

    /// <summary>What the module gave in the last forward.</summary>
    public Tensor? Output { get; private set; }

    /// <summary>Makes the module's outputs known until the returned action is called.</summary>
    public Action Attach() => OutputHook.Add(module, (_, outputs) => [.. outputs.Select((output, i) => i == which ? Keep(output) : output)])!;

    /// <summary>Makes ready for the next forward.</summary>
    public void Forget()
    {
        Output?.Dispose();
        Output = null;
        _calls = 0;
    }

    /// <param name="derivative">By <see cref="Output"/>, of some images; null if nothing depends on it.</param>
    /// <param name="images">How many images.</param>
    public void Add(Tensor? derivative, long images)
    {
        if (derivative is null || derivative.dim() < 2)
        {
            return;
        }

        using var scope = NewDisposeScope();
        var squares = derivative.detach().to(float64).Squared();
        if (isUnit && imageAxis is { } axis)
        {
            Add(_elements, squares.movedim([axis], [0L]).sum(0L));
            var outputs = Output!.detach().to(float64).movedim([axis], [0L]);
            Add(_outputs, outputs.sum(0L));
            Add(_outputSquares, outputs.Squared().sum(0L));
            _images += images;
        }

        // What reads the weights takes vectors to lie image by image.
        if (isReader && imageAxis == 0 && VectorWeights.Rows(module, squares) is var rows && rows.shape[0] % images == 0)
        {
            Add(_vectors, rows.mean([1L]).view(images, -1).sum(0L));
        }
    }

    /// <summary>The sensitivity of each element that the unit gives for an image, half of it spread over all by <see cref="EvenWeights"/>; null for a layer that is no unit.</summary>
    /// <param name="mean">The mean sensitivity of the elements of all the unit's outputs, which becomes 1.</param>
    public Tensor? Elements(double mean)
    {
        using var scope = NewDisposeScope();
        return Normalized(_elements.Value, EvenWeights(), mean) is { } weights ? scope.MoveToOuter(weights) : null;
    }

    /// <summary>The same of what the layer gives for each vector of an image, or the product for each row of its left operand; null where no number can be given to a vector: the module is called several times a forward, or images do not lie along its output's first axis.</summary>
    public Tensor? Vectors() => _isSeveral ? null : Normalized(_vectors.Value, even: null, mean: null);

    public void Dispose()
    {
        Output?.Dispose();
        _elements.Dispose();
        _vectors.Dispose();
        _outputs.Dispose();
        _outputSquares.Dispose();
    }

    private Tensor Keep(Tensor output)
    {
        // A model may dispose what it is done with; what it goes on with is therefore another view of the output.
        Output?.Dispose();
        Output = output.DetachFromDisposeScope();
        _isSeveral |= ++_calls > 1;
        return output.alias();
    }

    // A last chunk of few images may give a layer another number of vectors if it does not take images one by one.
    private static void Add(RunningSum sum, Tensor squares)
    {
        if (sum.Value is null || sum.Value.shape.SequenceEqual(squares.shape))
        {
            sum.Add(squares);
        }
    }

    // Evenly over channels, that is: an error counts beside the spread of its channel, where that is more than the median channel's. One channel of massive activations has errors larger than all others' numbers, and a unit
    // would be fitted to it alone.
    private Tensor? EvenWeights()
    {
        if (_outputs.Value is not { } sums || sums.dim() < 2)
        {
            return null;
        }

        // Rows and columns of what convolutions alone make lie behind its channels, everything else has its channels last.
        var channels = sums.dim() > 2 && !module.modules().Prepend(module).Any(static part => part is Linear) ? 0 : sums.dim() - 1;
        long[] places = [.. Enumerable.Range(0, (int)sums.dim()).Where(axis => axis != channels).Select(static axis => (long)axis)];
        var variances = _outputSquares.Value!.mean(places, keepdim: true).Over(_images) - sums.mean(places, keepdim: true).Over(_images).Squared();
        var weights = variances.maximum(variances.median()).AtLeast(double.Epsilon).reciprocal();
        return weights / weights.mean();
    }

    private Tensor? Normalized(Tensor? sum, Tensor? even, double? mean)
    {
        if (sum is null)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        mean ??= sum.mean().item<double>();
        return !double.IsFinite(mean.Value)
            ? throw new QuantizationException($"The derivatives of the model's outputs by the outputs of '{path}' hold a NaN or an infinity; expected finite numbers.")
            : scope.MoveToOuter(mean > 0 ? sum.Over(mean.Value / (1 - EvenShare)).Plus(Even(EvenShare)).to(float32) : Even(1).to(float32));

        Tensor Even(double share) => (even is null ? ones_like(sum) : even.expand(sum.shape)).Times(share);
    }
}
