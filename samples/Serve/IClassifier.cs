namespace Serve;

/// <summary>A model from prepared pixels to logits. Several threads may call it at the same time.</summary>
internal interface IClassifier
{
    /// <summary>Computes the logits of one image.</summary>
    /// <param name="pixels">[channels, height, width].</param>
    /// <param name="logits">[classes].</param>
    /// <param name="cancellationToken">The client has gone.</param>
    void Predict(ReadOnlySpan<float> pixels, Span<float> logits, CancellationToken cancellationToken);
}
