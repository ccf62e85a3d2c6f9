using System.Diagnostics;
using System.Runtime.InteropServices;
using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using TorchSharp;
using static TorchSharp.torch;

namespace IsVit.Optimization.Effort;

/// <summary>How long one image's way through a float model takes, alone and with the way back.</summary>
/// <param name="Forward">Without gradients.</param>
/// <param name="Step">Forward and backward, to the parameters; of a model that has no way back as long as three forwards.</param>
internal readonly record struct PassTimes(TimeSpan Forward, TimeSpan Step)
{
    // As many as make a pass worth its overhead, and few enough that measuring is a matter of seconds.
    private const long MostImages = 8;

    private const int ForwardsOfAStep = 3;

    /// <summary>Measures both on the first images. The model stays as it is.</summary>
    public static PassTimes Measure(nn.Module<Tensor, Tensor> model, Tensor images)
    {
        using var evaluation = new EvaluationScope(model);
        using var scope = NewDisposeScope();
        var few = images.narrow(0, 0, Math.Min(MostImages, images.shape[0]));
        TimeSpan Forward()
        {
            using var noGrad = no_grad();
            return Time(() => model.call(few), images);
        }

        TimeSpan Step(TimeSpan forward)
        {
            using var gradients = enable_grad();
            var parameters = model.parameters().Where(static parameter => is_floating_point(parameter)).ToList();
            var trained = parameters.ConvertAll(static parameter => parameter.requires_grad);
            parameters.ForEach(static parameter => parameter.requires_grad = true);
            try
            {
                return Time(() => Derivatives.Of(model.call(few).sum(), parameters), images);
            }
            catch (ExternalException)
            {
                return ForwardsOfAStep * forward;
            }
            finally
            {
                for (var i = 0; i < parameters.Count; i++)
                {
                    parameters[i].requires_grad = trained[i];
                }
            }
        }

        var forward = Forward();
        return new(forward / few.shape[0], Step(forward) / few.shape[0]);
    }

    // The first pass prepares memory and kernels.
    private static TimeSpan Time(Action pass, Tensor images)
    {
        void Run()
        {
            using var scope = NewDisposeScope();
            pass();
            if (images.device_type == DeviceType.CUDA)
            {
                cuda.synchronize(images.device);
            }
        }

        Run();
        var clock = Stopwatch.StartNew();
        Run();
        return clock.Elapsed;
    }
}
