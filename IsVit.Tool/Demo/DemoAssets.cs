using IsVit.Core.Imaging;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Detection.Models;
using IsVit.Model.Files;
using IsVit.Tool.Data;
using TorchSharp;

namespace IsVit.Tool.Demo;

/// <summary>
/// What <c>isvit demo</c> works with, as files beside the program: trained weights, and 1,024 calibration and 2,000 labelled test images.
/// </summary>
internal sealed class DemoAssets
{
    /// <summary>The images: <c>calibration_images</c>, <c>test_images</c> (uint8, [count, 28, 28]) and <c>test_labels</c> (uint8).</summary>
    public const string ImagesFile = "fashion_mnist_subset.safetensors";

    /// <summary>The number of calibration images, from the training split, without labels.</summary>
    public const int CalibrationCount = 1024;

    /// <summary>The number of test images, from the test split.</summary>
    public const int TestCount = 2000;

    private const string DetectorFile = DetectorCatalog.Demo + ".safetensors";
    private const string CalibrationImages = "calibration_images";
    private const string TestImages = "test_images";
    private const string TestLabels = "test_labels";

    private readonly string _folder;

    private string DetectorPath => Path.Combine(_folder, DetectorFile);

    private DemoAssets(string folder, IReadOnlyList<DemoModel> models, byte[] calibration, ImageSet test)
    {
        _folder = folder;
        Models = models;
        Calibration = calibration;
        Test = test;
    }

    /// <summary>Where the program's own copy lies.</summary>
    public static string DefaultFolder { get; } = Path.Combine(AppContext.BaseDirectory, "demo");

    /// <summary>The models whose weights are there.</summary>
    public IReadOnlyList<DemoModel> Models { get; }

    /// <summary>Whether the weights of the detector are there.</summary>
    public bool HasDetector => File.Exists(DetectorPath);

    /// <summary>Pixels 0 to 255, [<see cref="CalibrationCount"/>, 28, 28].</summary>
    public byte[] Calibration { get; }

    /// <summary>The labelled test images.</summary>
    public ImageSet Test { get; }

    /// <summary>Reads the images and finds the weights.</summary>
    /// <param name="folder">Holds the files.</param>
    /// <exception cref="ToolException">A file is missing, broken, or holds something else.</exception>
    public static DemoAssets Load(string folder)
    {
        DemoModel[] models = [.. DemoModel.All.Where(model => File.Exists(Path.Combine(folder, model.WeightsFile)))];
        if (models.Length == 0 && !File.Exists(Path.Combine(folder, DetectorFile)))
        {
            throw new ToolException($"{folder}: holds none of {string.Join(", ", DemoModel.All.Select(static model => model.WeightsFile).Append(DetectorFile))}; 'isvit train-demo --output {folder}' writes one.");
        }

        try
        {
            using var file = SafetensorsFile.Open(Path.Combine(folder, ImagesFile));
            var calibration = ReadBytes(file, CalibrationImages, [CalibrationCount, FashionMnist.Size, FashionMnist.Size]);
            var images = ReadBytes(file, TestImages, [TestCount, FashionMnist.Size, FashionMnist.Size]);
            var labels = ReadBytes(file, TestLabels, [TestCount]);
            return new DemoAssets(folder, models, calibration, new ImageSet(images, labels, FashionMnist.Size, FashionMnist.Size));
        }
        catch (Exception error) when (error is WeightFileException or IOException or UnauthorizedAccessException)
        {
            throw new ToolException(error.Message, error);
        }
    }

    /// <summary>Writes the file of images.</summary>
    /// <param name="path">The file.</param>
    /// <param name="data">Where the images come from.</param>
    /// <param name="seed">Chooses them.</param>
    public static void WriteImages(string path, FashionMnist data, int seed)
    {
        using var scope = torch.NewDisposeScope();
        var calibration = data.Train.Sample(CalibrationCount, seed);
        var test = data.Test.Sample(TestCount, seed);
        var size = FashionMnist.Size;
        SafetensorsFile.Write(
            path,
            new Dictionary<string, torch.Tensor>
            {
                [CalibrationImages] = torch.tensor(calibration.Pixels, [CalibrationCount, size, size]),
                [TestImages] = torch.tensor(test.Pixels, [TestCount, size, size]),
                [TestLabels] = torch.tensor(test.Labels, [TestCount]),
            },
            new Dictionary<string, string>
            {
                ["source"] = "Fashion-MNIST (Xiao, Rasul, Vollgraf, arXiv 1708.07747), https://github.com/zalandoresearch/fashion-mnist",
                ["licence"] = "MIT, Copyright (c) 2017 Zalando SE",
                ["choice"] = $"calibration: {CalibrationCount} of the training split, test: {TestCount} of the test split, seed {seed}",
            });
    }

    /// <summary>A trained model in evaluation mode.</summary>
    /// <param name="which">The model, one of <see cref="Models"/>.</param>
    /// <exception cref="ToolException">The weights do not fit the model.</exception>
    public ImageClassifier LoadModel(DemoModel which) => Loaded(which.Preset.Create(), Path.Combine(_folder, which.WeightsFile));

    /// <summary>The trained detector in evaluation mode.</summary>
    /// <exception cref="ToolException">The weights do not fit the detector.</exception>
    public Detector LoadDetector() => Loaded(DetectorCatalog.Create(DetectorCatalog.Demo), DetectorPath);

    /// <summary>The first test images with their labels, as the model wants them.</summary>
    /// <param name="count">How many.</param>
    public TensorImageSource OpenTest(int count)
    {
        using var scope = torch.NewDisposeScope();
        var pixels = PixelTensor.Normalized(Test.Pixels.AsSpan(0, count * FashionMnist.Size * FashionMnist.Size), FashionMnist.Size, FashionMnist.Size);
        var labels = torch.tensor(Test.Labels.AsSpan(0, count).ToArray(), torch.ScalarType.Int64);
        return new TensorImageSource(pixels, labels);
    }

    private static T Loaded<T>(T model, string path)
        where T : torch.nn.Module
    {
        try
        {
            StateDict.Load(model, path);
            model.eval();
            return model;
        }
        catch (Exception error) when (error is WeightFileException or StateDictException or IOException)
        {
            model.Dispose();
            throw new ToolException(error.Message, error);
        }
    }

    private static byte[] ReadBytes(SafetensorsFile file, string name, long[] shape)
    {
        using var tensor = file.Read(name);
        return tensor.dtype == torch.ScalarType.Byte && tensor.shape.AsSpan().SequenceEqual(shape)
            ? tensor.data<byte>().ToArray()
            : throw new WeightFileException(file.FilePath, name, $"U8 [{string.Join(", ", shape)}]", $"{tensor.dtype} [{string.Join(", ", tensor.shape)}]");
    }
}
