namespace IsVit.Runtime.Layers;

/// <summary>Patches of an image as tokens: a convolution whose stride is its kernel's size, which is a linear layer over the pixels of a patch.</summary>
internal sealed class PatchLayer
{
    private readonly LinearLayer _projection;
    private readonly int _channels;
    private readonly int _height;
    private readonly int _width;
    private readonly int _side;

    /// <summary>Takes the layer from a model.</summary>
    public PatchLayer(ModelParts parts, string path, int channels, int height, int width, int side, int dim)
    {
        (_channels, _height, _width, _side) = (channels, height, width, side);
        _projection = LinearLayer.Create(parts, path, channels * side * side, dim);
    }

    /// <summary>The number of numbers of an image.</summary>
    public int ImageLength => _channels * _height * _width;

    /// <summary>The number of numbers of a patch.</summary>
    public int PatchLength => _projection.InputWidth;

    /// <summary>Embeds patches, numbered row by row.</summary>
    /// <param name="image">[channels, height, width].</param>
    /// <param name="first">The first patch.</param>
    /// <param name="count">The number of patches.</param>
    /// <param name="output">Receives rows of the scratch memory's stride.</param>
    /// <param name="scratch">The worker's memory; <see cref="Scratch.Second"/> is overwritten.</param>
    public void Apply(ReadOnlySpan<float> image, int first, int count, Span<float> output, Scratch scratch)
    {
        var across = _width / _side;
        for (var i = 0; i < count; i++)
        {
            var (down, right) = ((first + i) / across, (first + i) % across);
            var patch = scratch.Second.Slice(i * scratch.Stride, PatchLength);
            for (var line = 0; line < _channels * _side; line++)
            {
                var start = (((line / _side * _height) + (down * _side) + (line % _side)) * _width) + (right * _side);
                image.Slice(start, _side).CopyTo(patch[(line * _side)..]);
            }
        }

        _projection.Apply(scratch.Second, scratch.Stride, count, output, scratch.Stride, scratch);
    }
}
