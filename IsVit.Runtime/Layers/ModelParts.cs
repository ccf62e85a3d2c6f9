using System.Buffers.Binary;
using IsVit.Model;
using IsVit.Model.Quantization;
using IsVit.Model.Saved;
using IsVit.Runtime.Products;

namespace IsVit.Runtime.Layers;

/// <summary>What a saved model consists of, to be taken part by part; in the end nothing may be left over.</summary>
internal sealed class ModelParts
{
    private readonly SavedModel _saved;
    private readonly Dictionary<(string Path, SiteOperand Operand), SavedSite> _sites;
    private readonly HashSet<string> _leftParameters;
    private byte[] _codes = [];

    /// <summary>Begins with everything.</summary>
    /// <param name="saved">The model; it is open as long as parts are taken.</param>
    /// <param name="tiles">The loops that will compute.</param>
    /// <param name="exactLevels">Whether levels stay in float.</param>
    public ModelParts(SavedModel saved, Tiles tiles, bool exactLevels)
    {
        (_saved, Tiles, ExactLevels) = (saved, tiles, exactLevels);
        _sites = saved.Sites.ToDictionary(static site => (site.Site.Path, site.Site.Operand));
        _leftParameters = [.. saved.Parameters.Keys];
    }

    /// <summary>The loops that will compute.</summary>
    public Tiles Tiles { get; }

    /// <summary>Whether levels that are no steps of a uniform scale stay in float.</summary>
    public bool ExactLevels { get; }

    /// <summary>The quantizer of an operand, or null if it stays in float.</summary>
    public QuantizationParameters? Quantizer(string path, SiteOperand operand) =>
        _sites.Remove((path, operand), out var site) ? _saved.Quantizers[site.Quantizer] : null;

    /// <summary>The codes of a layer's weight and the parameters that decode them, or null if the weight stays in float. The codes may be overwritten, and are by the next call.</summary>
    /// <param name="path">The layer.</param>
    /// <param name="rows">The number of outputs.</param>
    /// <param name="columns">The number of inputs.</param>
    public (Memory<byte> Codes, QuantizationParameters Parameters)? Codes(string path, int rows, int columns)
    {
        if (!_sites.Remove((path, SiteOperand.Weight), out var site))
        {
            return null;
        }

        Require(site.WeightName!, site.Shape!, [rows, columns]);
        var count = rows * columns;
        if (_codes.Length < count)
        {
            _codes = new byte[count];
        }

        var codes = _codes.AsMemory(0, count);
        _saved.ReadCodes(site, codes.Span);
        return (codes, _saved.Quantizers[site.Quantizer]);
    }

    /// <summary>A parameter that stayed in float.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its shape; dimensions may be merged.</param>
    /// <exception cref="QuantizationException">It is absent, of another shape, or not of float32.</exception>
    public float[] Floats(string name, params ReadOnlySpan<int> shape) =>
        FloatsIfAny(name, shape) ?? throw Fault($"the parameter '{name}' is missing");

    /// <summary>A parameter that stayed in float, or null if the file has none of that name.</summary>
    /// <inheritdoc cref="Floats"/>
    public float[]? FloatsIfAny(string name, params ReadOnlySpan<int> shape)
    {
        if (!_saved.Parameters.TryGetValue(name, out var entry))
        {
            return null;
        }

        _leftParameters.Remove(name);
        Require(name, entry.Shape, shape);
        if (entry.ElementType != "F32")
        {
            throw Fault($"the parameter '{name}' is of type {entry.ElementType}; expected F32");
        }

        var bytes = _saved.BytesOf(name);
        var values = new float[bytes.Length / sizeof(float)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes[(i * sizeof(float))..]);
        }

        return values;
    }

    /// <summary>Makes sure that the graph has used all that the file holds.</summary>
    /// <exception cref="QuantizationException">Something is left.</exception>
    public void RequireAllUsed()
    {
        if (_sites.Count > 0)
        {
            throw Fault($"the site '{_sites.Values.First().Site.Id}' is none of this architecture's");
        }

        if (_leftParameters.Count > 0)
        {
            throw Fault($"the parameter '{_leftParameters.Order(StringComparer.Ordinal).First()}' is none of this architecture's");
        }
    }

    /// <summary>An error that names the file.</summary>
    public QuantizationException Fault(string what) => new($"'{_saved.FilePath}' cannot be run: {what}.");

    private void Require(string name, IReadOnlyList<long> found, ReadOnlySpan<int> expected)
    {
        var (count, wanted) = (1L, 1L);
        foreach (var length in found)
        {
            count *= length;
        }

        foreach (var length in expected)
        {
            wanted *= length;
        }

        // The first dimension divides what belongs together; the others may be merged.
        if (count != wanted || (expected.Length > 1 && expected[0] > 1 && found.FirstOrDefault(static length => length > 1, 1) != expected[0]))
        {
            throw Fault($"'{name}' has shape [{string.Join(", ", found)}]; expected [{string.Join(", ", expected.ToArray())}]");
        }
    }
}
