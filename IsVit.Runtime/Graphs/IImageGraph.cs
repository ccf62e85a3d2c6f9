using IsVit.Runtime.Layers;

namespace IsVit.Runtime.Graphs;

/// <summary>A model as phases of items for one image.</summary>
internal interface IImageGraph
{
    /// <summary>The number of numbers of an image.</summary>
    int InputLength { get; }

    /// <summary>The number of outputs.</summary>
    int OutputWidth { get; }

    /// <summary>The number of phases.</summary>
    int PhaseCount { get; }

    /// <summary>Memory for an image on its way.</summary>
    object CreateState();

    /// <summary>Memory for a worker.</summary>
    Scratch CreateScratch();

    /// <summary>The number of items of a phase.</summary>
    int ItemCount(int phase);

    /// <summary>Does an item.</summary>
    /// <param name="phase">The phase.</param>
    /// <param name="item">The item.</param>
    /// <param name="image">The image, [channels, height, width].</param>
    /// <param name="state">The image's memory.</param>
    /// <param name="output">Receives the outputs in the last phase.</param>
    /// <param name="scratch">The worker's memory.</param>
    void Do(int phase, int item, ReadOnlySpan<float> image, object state, Span<float> output, Scratch scratch);
}
