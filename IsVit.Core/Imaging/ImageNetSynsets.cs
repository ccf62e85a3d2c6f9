namespace IsVit.Core.Imaging;

/// <summary>The WordNet ids of the 1000 classes of ILSVRC 2012 ("ImageNet-1k"), such as <c>n01440764</c>, in the order of the labels.</summary>
public static class ImageNetSynsets
{
    /// <summary>All of them; a class's label is its index.</summary>
    public static IReadOnlyList<string> All { get; } = Read();

    private static string[] Read()
    {
        using var reader = new StreamReader(typeof(ImageNetSynsets).Assembly.GetManifestResourceStream("imagenet-synsets.txt")!);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
    }
}
