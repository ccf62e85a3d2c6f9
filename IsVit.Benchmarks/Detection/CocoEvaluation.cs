using BenchmarkDotNet.Attributes;
using IsVit.Detection.Coco;
using IsVit.Detection.Masks;

namespace IsVit.Benchmarks.Detection;

/// <summary>COCO's scores of 500 pictures of 640 x 480 with 80 classes, 7 objects and 100 detections each; the baseline compares boxes.</summary>
public class CocoEvaluation
{
    private const int Pictures = 500;
    private const int Classes = 80;
    private const int ObjectsPerPicture = 7;
    private const int DetectionsPerPicture = 100;
    private const int Corners = 24;
    private const int Width = 640;
    private const int Height = 480;

    private CocoDataset _dataset = null!;
    private List<CocoResult> _boxes = null!;
    private List<CocoResult> _masks = null!;

    [GlobalSetup]
    public void Setup()
    {
        var random = new Random(0);
        var annotations = new List<CocoAnnotation>();
        (_boxes, _masks) = ([], []);
        for (var image = 1; image <= Pictures; image++)
        {
            var first = annotations.Count;
            for (var i = 0; i < ObjectsPerPicture; i++)
            {
                var box = new CocoBox(random.NextDouble() * Width * .7, random.NextDouble() * Height * .7, 10 + (random.NextDouble() * 180), 10 + (random.NextDouble() * 130));
                annotations.Add(new(annotations.Count + 1, image, random.Next(1, Classes + 1), box, box.Area * .75, random.Next(100) == 0, new([Outline(box, random)])));
            }

            for (var i = 0; i < DetectionsPerPicture; i++)
            {
                var near = annotations[first + random.Next(ObjectsPerPicture)];
                var box = new CocoBox(Near(near.Box.X, random), Near(near.Box.Y, random), Near(near.Box.Width, random), Near(near.Box.Height, random));
                var category = random.Next(3) == 0 ? random.Next(1, Classes + 1) : near.CategoryId;
                var score = random.NextDouble();
                _boxes.Add(new(image, category, score, box));
                _masks.Add(new(image, category, score, Segmentation: new(RunLengthMask.FromPolygon(Outline(box, random), Height, Width))));
            }
        }

        _dataset = new([.. Enumerable.Range(1, Pictures).Select(static id => new CocoImage(id, string.Empty, Width, Height))], [.. Enumerable.Range(1, Classes).Select(static id => new CocoCategory(id, string.Empty))], annotations);
    }

    [Benchmark(Baseline = true, Description = "boxes")]
    public double Boxes() => CocoEvaluator.Evaluate(_dataset, _boxes, CocoOverlap.Boxes).AP;

    [Benchmark(Description = "masks")]
    public double Masks() => CocoEvaluator.Evaluate(_dataset, _masks, CocoOverlap.Masks).AP;

    private static double Near(double value, Random random) => value * (.8 + (random.NextDouble() * .4));

    // A bumpy oval in a box.
    private static double[] Outline(CocoBox box, Random random)
    {
        var corners = new double[2 * Corners];
        for (var i = 0; i < Corners; i++)
        {
            var (sin, cos) = Math.SinCos(2 * Math.PI * i / Corners);
            var reach = .4 + (random.NextDouble() * .1);
            corners[2 * i] = box.X + (box.Width * (.5 + (reach * cos)));
            corners[(2 * i) + 1] = box.Y + (box.Height * (.5 + (reach * sin)));
        }

        return corners;
    }
}
