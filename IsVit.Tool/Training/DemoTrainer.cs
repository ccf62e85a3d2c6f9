using IsVit.Tool.Data;
using IsVit.Tool.Demo;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Tool.Training;

/// <summary>Trains the demo's vision transformer from nothing, the same way on every run of one machine.</summary>
internal sealed class DemoTrainer(DemoTrainingOptions options)
{
    private const int EvaluationBatch = 500;

    /// <summary>Trains a model in place and leaves it in evaluation mode.</summary>
    /// <param name="model">[batch, 1, 28, 28] to [batch, classes], freshly initialised after <c>torch.manual_seed</c> for a repeatable result.</param>
    /// <param name="data">The images.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="epochEnded">Called after every pass with the pass and the test accuracy in percent, e.g. to save the weights.</param>
    /// <param name="cancellationToken">Stops within one step.</param>
    /// <returns>Percent right on the test split at the end.</returns>
    public double Train(
        nn.Module<Tensor, Tensor> model,
        FashionMnist data,
        IProgress<TrainingProgress>? progress,
        Action<int, double>? epochEnded,
        CancellationToken cancellationToken)
    {
        var random = new Random(options.Seed);
        var order = Enumerable.Range(0, Math.Min(options.TrainingImages ?? int.MaxValue, data.Train.Count)).ToArray();
        var stepsPerEpoch = order.Length / options.BatchSize;
        var steps = stepsPerEpoch * options.Epochs;
        using var optimizer = CreateOptimizer(model);
        var accuracy = 0d;
        for (var epoch = 1; epoch <= options.Epochs; epoch++)
        {
            model.train();
            random.Shuffle(order);
            var lossSum = 0d;
            for (var step = 0; step < stepsPerEpoch; step++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var done = ((epoch - 1) * stepsPerEpoch) + step;
                SetLearningRate(optimizer, CosineSchedule.At(done, steps, (int)(steps * options.WarmUpFraction), options.LearningRate));
                lossSum += Step(model, optimizer, data.Train, order.AsSpan(step * options.BatchSize, options.BatchSize), random);
                progress?.Report(new TrainingProgress(epoch, options.Epochs, done + 1, steps, lossSum / (step + 1), TestAccuracy: null));
            }

            accuracy = TestAccuracy(model, data.Test, cancellationToken);
            progress?.Report(new TrainingProgress(epoch, options.Epochs, epoch * stepsPerEpoch, steps, lossSum / stepsPerEpoch, accuracy));
            epochEnded?.Invoke(epoch, accuracy);
        }

        return accuracy;
    }

    /// <summary>Percent of a set that a model gets right.</summary>
    /// <param name="model">The model; left in evaluation mode.</param>
    /// <param name="images">The labelled images.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    public static double TestAccuracy(nn.Module<Tensor, Tensor> model, ImageSet images, CancellationToken cancellationToken)
    {
        model.eval();
        using var noGradient = no_grad();
        var right = 0L;
        var size = images.Height * images.Width;
        for (var start = 0; start < images.Count; start += EvaluationBatch)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var count = Math.Min(EvaluationBatch, images.Count - start);
            var pixels = PixelTensor.Normalized(images.Pixels.AsSpan(start * size, count * size), images.Height, images.Width);
            var labels = tensor(images.Labels.AsSpan(start, count).ToArray(), ScalarType.Int64);
            right += model.call(pixels).argmax(1).eq(labels).sum().item<long>();
        }

        return 100d * right / images.Count;
    }

    private AdamW CreateOptimizer(nn.Module<Tensor, Tensor> model)
    {
        var matrices = new List<Parameter>();
        var others = new List<Parameter>();
        foreach (var (name, parameter) in model.named_parameters())
        {
            var isMatrix = parameter.dim() > 1 && name is not ("pos_embed" or "cls_token") && !name.EndsWith("relative_position_bias_table", StringComparison.Ordinal);
            (isMatrix ? matrices : others).Add(parameter);
        }

        AdamW.ParamGroup[] groups =
        [
            new(matrices, options.LearningRate, weight_decay: options.WeightDecay),
            new(others, options.LearningRate, weight_decay: 0),
        ];
        return optim.AdamW(groups, options.LearningRate);
    }

    private static void SetLearningRate(AdamW optimizer, double value)
    {
        foreach (var group in optimizer.ParamGroups)
        {
            group.LearningRate = value;
        }
    }

    private double Step(nn.Module<Tensor, Tensor> model, AdamW optimizer, ImageSet images, ReadOnlySpan<int> indices, Random random)
    {
        using var scope = NewDisposeScope();
        var pixels = new byte[indices.Length * images.Height * images.Width];
        Augmentation.Apply(images, indices, options.MaximumShift, options.FlipProbability, random, pixels);
        var labels = new long[indices.Length];
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = images.Labels[indices[i]];
        }

        var logits = model.call(PixelTensor.Normalized(pixels, images.Height, images.Width));
        var loss = nn.functional.cross_entropy(logits, tensor(labels), label_smoothing: options.LabelSmoothing);
        optimizer.zero_grad();
        loss.backward();
        nn.utils.clip_grad_norm_(model.parameters(), options.GradientClip);
        optimizer.step();
        return loss.item<float>();
    }
}
