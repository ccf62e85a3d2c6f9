using System.Buffers;
using System.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace Serve;

/// <summary>From an uploaded image to an answer.</summary>
internal sealed class Classification(ServeOptions options, QuantizedModel quantized, Places places, ServeMetrics metrics, FloatModel? reference = null)
{
    /// <summary>The value of <c>model</c> that asks for the quantized model.</summary>
    public const string Quantized = "quantized";

    /// <summary>The value of <c>model</c> that asks for the float model.</summary>
    public const string Float = "float";

    /// <summary>Whether the float model can be asked.</summary>
    public bool HasFloat => reference is not null;

    /// <summary>Computes once, so that the first request finds everything in place and a model that cannot compute stops the start.</summary>
    public void WarmUp()
    {
        var (pixels, logits) = (new float[quantized.InputLength], new float[quantized.ClassCount]);
        quantized.Predict(pixels, logits, CancellationToken.None);
        reference?.Predict(pixels, logits, CancellationToken.None);
    }

    /// <summary>Answers a request.</summary>
    /// <exception cref="RefusedException">It cannot be answered.</exception>
    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    public async Task<Answer> AnswerAsync(HttpRequest request, int top, string model, CancellationToken cancellationToken)
    {
        if (top < 1)
        {
            throw new RefusedException(StatusCodes.Status400BadRequest, FormattableString.Invariant($"top is {top}; expected 1 or more."));
        }

        IClassifier classifier = model switch
        {
            Quantized => quantized,
            Float => reference ?? throw new RefusedException(StatusCodes.Status404NotFound, "There is no float model; the service was started without --float FILE."),
            _ => throw new RefusedException(StatusCodes.Status400BadRequest, $"model is '{model}'; expected '{Quantized}' or '{Float}'."),
        };
        var file = await Upload.ReadAsync(request, options, cancellationToken);
        var arrived = Stopwatch.GetTimestamp();
        using var place = await places.ToComputeAsync(cancellationToken);
        return Compute(classifier, model, file.Span, top, arrived, cancellationToken);
    }

    private Answer Compute(IClassifier classifier, string model, ReadOnlySpan<byte> file, int top, long arrived, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var pixels = ArrayPool<float>.Shared.Rent(quantized.InputLength);
        var logits = ArrayPool<float>.Shared.Rent(quantized.ClassCount);
        try
        {
            var input = pixels.AsSpan(0, quantized.InputLength);
            var outputs = logits.AsSpan(0, quantized.ClassCount);
            quantized.Prepare(Picture.Decode(file, options.MaxPixels), input);
            var prepared = Stopwatch.GetTimestamp();
            classifier.Predict(input, outputs, cancellationToken);
            var computing = Stopwatch.GetElapsedTime(prepared);
            metrics.Computed(model, computing);
            var classes = ClassAnswer.Best(outputs, quantized.Classes, top);
            return new(model, classes, new(
                Stopwatch.GetElapsedTime(arrived, started).TotalMilliseconds,
                Stopwatch.GetElapsedTime(started, prepared).TotalMilliseconds,
                computing.TotalMilliseconds,
                Stopwatch.GetElapsedTime(arrived).TotalMilliseconds));
        }
        finally
        {
            ArrayPool<float>.Shared.Return(pixels);
            ArrayPool<float>.Shared.Return(logits);
        }
    }
}
