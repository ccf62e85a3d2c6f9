using IsVit.Core.Graph;
using IsVit.Core.Quantization;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Optimization.Observation;
using IsVit.Optimization.Options;
using IsVit.Optimization.Recipes;
using IsVit.Optimization.Stages;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Calibration;

/// <summary>
/// Calibrates every activation quantizer while the first calibration images run through the model, and quantizes activations from
/// then on. Weights are not changed.
/// </summary>
public sealed class ActivationCalibrationStage : IQuantizationStage
{
    // A row of a product tells as much as it has numbers, so that few images tell 2^b levels.
    private const int ProductImages = 16;

    /// <inheritdoc/>
    public string Name => StageNames.ActivationCalibration;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> After => [StageNames.HeadRotation, StageNames.ValueNormalization];

    /// <inheritdoc/>
    public IReadOnlyCollection<Type> Reads => [typeof(OutputImportance)];

    // Finding levels takes longer than the way there.
    StageWork IQuantizationStage.WorkFor(QuantizationOptions options, QuantizationRecipe recipe, long images) => new(6.0 * Math.Min(images, options.Calibration.ImageCount), 0);

    /// <inheritdoc/>
    public void Run(QuantizationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var sites = context.Attachment.Bindings.Where(static binding => !binding.IsWeight).ToList();
        Calibrate(context, sites, context.Options.Calibration.Input == CalibrationInput.Full ? SiteState.Calibrating : SiteState.CalibratingThenQuantized);
        sites.ForEach(static site => site.State = SiteState.Quantized);
    }

    /// <summary>Lets the quantizers of activations choose their parameters.</summary>
    /// <param name="context">The model and the images.</param>
    /// <param name="sites">The activations; their states afterwards are the caller's to set.</param>
    /// <param name="state">Whether each passes on what it was given or what it makes of it.</param>
    /// <exception cref="QuantizationException">A site saw nothing; the message names all such.</exception>
    internal static void Calibrate(QuantizationContext context, List<SiteBinding> sites, SiteState state)
    {
        // A quantizer sees all images at once, as one batch.
        using (no_grad())
        using (NewDisposeScope())
        using (new CancellationHooks(context.Graph, context.CancellationToken))
        {
            var images = CalibrationBatches.First(context.Batches, context.Options.Calibration.ImageCount);
            sites.ForEach(site =>
            {
                site.State = state;
                site.CalibrationSample = Sample(context, site.Site, images.Count);
            });
            context.Graph.Forward.Run(images);
        }

        sites.ForEach(static site =>
        {
            site.EndCalibration();
            site.CalibrationSample = null;
        });
        FitProducts(context, sites);

        var silent = sites.Where(static site => !site.Quantizer.IsCalibrated).Select(static site => $"'{site.Site.Id}'").ToList();
        if (silent.Count > 0)
        {
            throw new QuantizationException(
                $"{silent.Count} site(s) fired when the graph was traced but not while calibrating: {string.Join(", ", silent)}. A forward must run the same modules for every batch.");
        }
    }

    // Quantizers that are chosen by what a product loses see both operands, as the float model has them.
    private static void FitProducts(QuantizationContext context, List<SiteBinding> sites)
    {
        var fitted = sites.Where(static site => site.Site.Operand == SiteOperand.Left && site.Quantizer is IProductQuantizer { FitsProducts: true }).ToList();
        if (fitted.Count == 0)
        {
            return;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var cancellation = new CancellationHooks(context.Graph, context.CancellationToken);
        using var suspended = context.Attachment.Suspend();
        var repeated = new Dictionary<SiteBinding, List<(Tensor Left, Tensor Right)>>();
        var removals = fitted.ConvertAll(site => OutputHook.Add(context.Graph.Modules[site.Site.Path], (operands, _) =>
        {
            if (context.Graph.Repeated.Contains(site.Site.Path))
            {
                repeated.TryAdd(site, []);
                repeated[site].Add((operands[0].alias(), operands[1].alias()));
            }
            else
            {
                FitProduct(context, site, operands[0], operands[1]);
            }

            return null;
        }));
        try
        {
            context.Graph.Forward.Run(CalibrationBatches.First(context.Batches, Math.Min(ProductImages, context.Options.Calibration.ImageCount)));
        }
        finally
        {
            removals.ForEach(static remove => remove?.Invoke());
        }

        foreach (var (site, calls) in repeated)
        {
            var (left, right) = OfAllCalls(calls);
            FitProduct(context, site, left, right);
        }
    }

    // Of calls that cannot stand beside each other, the one that tells most.
    private static (Tensor Left, Tensor Right) OfAllCalls(List<(Tensor Left, Tensor Right)> calls) =>
        calls.TrueForAll(call => call.Left.dim() > 2 && call.Left.shape.Skip(1).SequenceEqual(calls[0].Left.shape.Skip(1)) && call.Right.shape.Skip(1).SequenceEqual(calls[0].Right.shape.Skip(1)))
            ? (cat([.. calls.Select(static call => call.Left)]), cat([.. calls.Select(static call => call.Right)]))
            : calls.MaxBy(static call => call.Left.numel());

    private static void FitProduct(QuantizationContext context, SiteBinding site, Tensor left, Tensor right)
    {
        using var scope = NewDisposeScope();
        var weights = context.Importance.OfLayer(site.Site.Path);
        var rowsOfImage = left.shape[1..^1].Aggregate(1L, static (product, axis) => product * axis);
        ((IProductQuantizer)site.Quantizer).Calibrate(left, right, weights?.shape[0] == rowsOfImage ? weights.view(left.shape[1..^1]) : null);
    }

    // What an error in a vector counts is known by what is made of the vector, where each makes one: a linear layer's tokens, the rows of a product's left operand.
    private static Func<Tensor, Tensor?>? Sample(QuantizationContext context, Site site, long images) =>
        site.Operand is SiteOperand.Input or SiteOperand.Left
        && context.Graph.Modules[site.Path] is not Convolution
        && context.Importance.OfLayer(site.Path) is { } weights
            ? x => ImportanceSample.Of(x, weights, images)
            : null;
}
