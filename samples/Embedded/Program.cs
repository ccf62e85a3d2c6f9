using System.Diagnostics;
using IsVit.Runtime;

if (args is not [var file, var picture, .. var rest])
{
    Console.Error.WriteLine("Embedded <model> <picture.ppm> [--time]: a file that QuantizedModel.Save or 'isvit quantize' wrote, and a portable pixmap (P6).");
    return 2;
}

// snippet: classify
var model = RuntimeModel.Load(file);
var image = PortablePixmap.Read(picture);
var pixels = model.Prepare(image.Rgb.Span, image.Width, image.Height);
foreach (var score in model.Classify(pixels))
{
    Console.WriteLine(FormattableString.Invariant($"{score.Probability:P2} {score.Name ?? $"class {score.Index}"}"));
}
// end

if (rest is ["--time"])
{
    var start = Process.GetCurrentProcess().StartTime;
    Console.WriteLine(FormattableString.Invariant($"first answer {(DateTime.Now - start).TotalMilliseconds:F0} ms after the process started"));
    Console.WriteLine(FormattableString.Invariant($"{Environment.WorkingSet / 1e6:F1} MB resident"));
    foreach (var step in new[] { "first", "second", "third" })
    {
        var watch = Stopwatch.StartNew();
        model.Predict(pixels);
        Console.WriteLine(FormattableString.Invariant($"{step} further prediction: {watch.Elapsed.TotalMilliseconds:F1} ms"));
    }
}

return 0;
