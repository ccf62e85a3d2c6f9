using System.Diagnostics;
using System.Runtime.InteropServices;
using IsVit.Core.Arithmetic;
using IsVit.Core.Graph;
using IsVit.Core.Samples;
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
    private const int MostPasses = 5;
    private static readonly TimeSpan s_enough = TimeSpan.FromSeconds(0.2);

    /// <summary>Measures both on the first images. The model stays as it is.</summary>
    public static PassTimes Measure(ModelForward model, SampleBatch images)
    {
        using var evaluation = new EvaluationScope(model.Module);
        using var scope = NewDisposeScope();
        var few = images.Slice(0, Math.Min(MostImages, images.Count));
        TimeSpan Forward()
        {
            using var noGrad = no_grad();
            return Time(() => model.Run(few), images);
        }

        TimeSpan Step(TimeSpan forward)
        {
            using var gradients = enable_grad();
            var parameters = model.Module.parameters().Where(static parameter => is_floating_point(parameter)).ToList();
            var trained = parameters.ConvertAll(static parameter => parameter.requires_grad);
            parameters.ForEach(static parameter => parameter.requires_grad = true);
            try
            {
                return Time(() => Derivatives.OfSum(model.Run(few).Where(static output => output.requires_grad), parameters), images);
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
        return new(forward / few.Count, Step(forward) / few.Count);
    }

    // The first pass prepares memory and kernels.
    private static TimeSpan Time(Action pass, SampleBatch images)
    {
        void Run()
        {
            using var scope = NewDisposeScope();
            pass();
            if (images[0].device_type == DeviceType.CUDA)
            {
                cuda.synchronize(images[0].device);
            }
        }

        Run();

        // What else the machine does can make a pass longer, not shorter.
        var (all, shortest) = (Stopwatch.StartNew(), TimeSpan.MaxValue);
        for (var i = 0; i < MostPasses && (i == 0 || all.Elapsed < s_enough); i++)
        {
            var clock = Stopwatch.StartNew();
            Run();
            shortest = clock.Elapsed < shortest ? clock.Elapsed : shortest;
        }

        return shortest;
    }
}
