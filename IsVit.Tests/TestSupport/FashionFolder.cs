using System.Globalization;
using System.Runtime.InteropServices;
using IsVit.Core.Models;
using IsVit.Core.Models.WeightFiles;
using IsVit.Tests.Optimization;
using SkiaSharp;

namespace IsVit.Tests.TestSupport;

/// <summary>A folder with what <c>isvit quantize</c> needs: weights of the small model, PNG files, and their labels in a CSV.</summary>
internal static class FashionFolder
{
    public static void Write(TemporaryFolder folder, int images = 12)
    {
        using var model = ModelCatalog.Create(ModelCatalog.Demo);

        // Tests that run beside this one draw from the same default generator.
        Micro.Enliven(model, 7);
        StateDict.Save(model, folder["weights.safetensors"]);
        Directory.CreateDirectory(folder["images"]);
        var random = new Random(7);
        var lines = new List<string> { "file,label" };
        for (var i = 0; i < images; i++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{i:000}.png");
            var pixels = new byte[28 * 28];
            random.NextBytes(pixels);
            WriteImage(Path.Combine(folder["images"], name), pixels);
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{name},{i % 10}"));
        }

        File.WriteAllLines(folder["labels.csv"], lines);
    }

    /// <summary>A grey image, 28 pixels high, as a PNG file.</summary>
    public static void WriteImage(string path, byte[] pixels)
    {
        using var bitmap = new SKBitmap(pixels.Length / 28, 28, SKColorType.Gray8, SKAlphaType.Opaque);
        Marshal.Copy(pixels, 0, bitmap.GetPixels(), pixels.Length);
        using var file = File.Create(path);
        bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
    }

    /// <summary>The arguments of a quick run.</summary>
    public static string[] Quantize(TemporaryFolder folder, params string[] more) =>
    [
        "quantize", "--model", ModelCatalog.Demo, "--weights", folder["weights.safetensors"], "--calibration", folder["images"], "--images", folder["images"],
        "--labels", folder["labels.csv"], "--iterations", "1", "--batch", "4", "--tuning-steps", "1", .. more,
    ];
}
