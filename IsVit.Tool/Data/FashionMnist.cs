namespace IsVit.Tool.Data;

/// <summary>
/// Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv 1708.07747; MIT licence): 60,000 training and 10,000 test images of 28 x 28 grey pixels in ten
/// classes, in the four IDX files that the Debian package <c>dataset-fashion-mnist</c> installs.
/// </summary>
/// <param name="Train">The training split.</param>
/// <param name="Test">The test split.</param>
internal sealed record FashionMnist(ImageSet Train, ImageSet Test)
{
    /// <summary>Where the Debian package puts the files.</summary>
    public const string DefaultFolder = "/usr/share/datasets/fashion-mnist";

    /// <summary>Rows and columns of an image.</summary>
    public const int Size = 28;

    /// <summary>The mean of the training split's pixels, with 0 to 255 brought to 0 to 1.</summary>
    public const double PixelMean = 0.2860;

    /// <summary>The standard deviation of the training split's pixels, with 0 to 255 brought to 0 to 1.</summary>
    public const double PixelStd = 0.3530;

    /// <summary>What the class numbers mean.</summary>
    public static IReadOnlyList<string> Classes { get; } =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

    /// <summary>Reads both splits.</summary>
    /// <param name="folder">Holds <c>train-images-idx3-ubyte.gz</c> and the other three (with or without <c>.gz</c>).</param>
    /// <exception cref="ToolException">The folder or a file is missing or not what it should be.</exception>
    public static FashionMnist Load(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new ToolException(
                $"{folder}: no such folder; give --data, or install the Debian package dataset-fashion-mnist (apt-get install dataset-fashion-mnist).");
        }

        return new FashionMnist(LoadSplit(folder, "train"), LoadSplit(folder, "t10k"));
    }

    /// <summary>Checks that there are enough images to choose from.</summary>
    /// <param name="train">Images of the training split.</param>
    /// <param name="test">Images of the test split.</param>
    /// <exception cref="ToolException">There are fewer.</exception>
    public void RequireAtLeast(int train, int test)
    {
        if (Train.Count < train || Test.Count < test)
        {
            throw new ToolException($"the data has {Train.Count} training and {Test.Count} test images; expected at least {train} and {test}.");
        }
    }

    private static ImageSet LoadSplit(string folder, string name)
    {
        var imagesPath = Find(folder, $"{name}-images-idx3-ubyte");
        var labelsPath = Find(folder, $"{name}-labels-idx1-ubyte");
        var images = IdxFile.Read(imagesPath, rank: 3);
        var labels = IdxFile.Read(labelsPath, rank: 1);
        if (images.Shape[1] != Size || images.Shape[2] != Size)
        {
            throw new ToolException($"{imagesPath}: images of {images.Shape[1]} x {images.Shape[2]}, expected {Size} x {Size}.");
        }

        if (images.Shape[0] != labels.Shape[0])
        {
            throw new ToolException($"{labelsPath}: {labels.Shape[0]} labels, but {Path.GetFileName(imagesPath)} has {images.Shape[0]} images.");
        }

        var bad = labels.Elements.AsSpan().IndexOfAnyExceptInRange((byte)0, (byte)(Classes.Count - 1));
        return bad < 0
            ? new ImageSet(images.Elements, labels.Elements, Size, Size)
            : throw new ToolException($"{labelsPath}: label {bad} is {labels.Elements[bad]}, expected 0 to {Classes.Count - 1}.");
    }

    private static string Find(string folder, string name)
    {
        var compressed = Path.Combine(folder, name + ".gz");
        var plain = Path.Combine(folder, name);
        return File.Exists(compressed) ? compressed
            : File.Exists(plain) ? plain
            : throw new ToolException($"{compressed}: no such file, nor without .gz.");
    }
}
