using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using IsVit.Tool.Demo;
using SkiaSharp;

namespace IsVit.Benchmarks.Reliability.Runs;

/// <summary>What quick runs of <c>isvit quantize</c> need: images, and the weights that come with the tool.</summary>
internal sealed class ToolInputs : IDisposable
{
    private const int Side = 28;
    private const int ImageCount = 16;

    public ToolInputs()
    {
        var assets = DemoAssets.Load(DemoAssets.DefaultFolder);
        Directory.CreateDirectory(Images);
        for (var i = 0; i < ImageCount; i++)
        {
            using var bitmap = new SKBitmap(Side, Side, SKColorType.Gray8, SKAlphaType.Opaque);
            Marshal.Copy(assets.Calibration, i * Side * Side, bitmap.GetPixels(), Side * Side);
            using var file = File.Create(Path.Combine(Images, string.Create(CultureInfo.InvariantCulture, $"{i:000}.png")));
            bitmap.Encode(file, SKEncodedImageFormat.Png, 100);
        }

        // Another user's run reads them too.
        _ = Permissions.Set(Folder, "755");
    }

    /// <summary>Where runs write to.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("isvit-reliability-").FullName;

    /// <summary>The models that runs quantize.</summary>
    public static IReadOnlyList<string> Models { get; } = ["vit_fashion", "swin_micro"];

    private string Images => Path.Combine(Folder, "images");

    /// <summary>The arguments of a run of some seconds.</summary>
    /// <param name="model">The model.</param>
    /// <param name="output">The folder for the result.</param>
    /// <param name="more">What else.</param>
    public string[] Quantize(string model, string output, params IEnumerable<string> more) =>
    [
        "quantize", "--model", model, "--weights", Path.Combine(DemoAssets.DefaultFolder, model + ".safetensors"), "--calibration", Images,
        "--iterations", "10", "--batch", "4", "--tuning-steps", "10", "--output", output, .. more,
    ];

    /// <summary>The hash of the model that a run saved; null for none.</summary>
    /// <param name="output">The folder of the result.</param>
    public static string? HashIn(string output)
    {
        var path = Path.Combine(output, "quantized.safetensors");
        return File.Exists(path) ? Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path))) : null;
    }

    /// <inheritdoc/>
    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
