using IsVit.Detection.Operators;
using TorchSharp;

namespace IsVit.Detection.Training;

/// <summary>The regions that a stage of heads is trained with, image by image, in each image those on objects first.</summary>
internal sealed class SampledRegions
{
    private readonly List<float> _rois = [];
    private readonly List<float> _targets = [];
    private readonly List<long> _labels = [];
    private readonly List<long> _positives = [];
    private readonly List<int> _objects = [];
    private readonly HashSet<int> _added = [];

    private SampledRegions()
    {
    }

    /// <summary>For each region its image and box: x1, y1, x2, y2.</summary>
    public IReadOnlyList<float> Rois => _rois;

    /// <summary>For each region its class; the number of classes for the background.</summary>
    public IReadOnlyList<long> Labels => _labels;

    /// <summary>The regions on objects.</summary>
    public IReadOnlyList<long> Positives => _positives;

    /// <summary>For each region on an object the object, counted over the images.</summary>
    public IReadOnlyList<int> Objects => _objects;

    /// <summary>For each region on an object the object's box.</summary>
    public IReadOnlyList<float> Targets => _targets;

    /// <summary>Assigns and draws regions; the objects' own boxes are among those to draw from.</summary>
    /// <param name="proposals">For each image x1, y1, x2, y2 of each proposal.</param>
    /// <param name="batch">What is to be found.</param>
    /// <param name="overlap">From this overlap (IoU) on a region is on an object, below it is background.</param>
    /// <param name="options">How many to draw.</param>
    /// <param name="classCount">The number of classes.</param>
    /// <param name="random">Draws.</param>
    public static SampledRegions Draw(IReadOnlyList<float[]> proposals, TrainingBatch batch, double overlap, DetectorTrainingOptions options, int classCount, Random random)
    {
        var sample = new SampledRegions();
        var before = 0;
        for (var image = 0; image < proposals.Count; image++)
        {
            var objects = batch.BoxesOf(image);
            var count = objects.Length / 4;
            float[] boxes = [.. objects, .. proposals[image]];
            int[] assigned = [.. Enumerable.Range(0, count), .. BoxAssignment.Assign(proposals[image], objects, overlap, overlap, keepsBest: false)];
            var (on, off) = BoxSampling.Sample(assigned, options.RegionsPerImage, options.PositiveRegionShare, random);
            foreach (var i in on)
            {
                if (i < count)
                {
                    sample._added.Add(sample._labels.Count);
                }

                sample._positives.Add(sample._labels.Count);
                sample._objects.Add(before + assigned[i]);
                sample._targets.AddRange(objects.AsSpan(assigned[i] * 4, 4));
                sample.Add(image, boxes.AsSpan(i * 4, 4), batch.Objects[image][assigned[i]].Label);
            }

            foreach (var i in off)
            {
                sample.Add(image, boxes.AsSpan(i * 4, 4), classCount);
            }

            before += count;
        }

        return sample;
    }

    /// <summary>Corrects the regions for the next stage: by the differences of their own class, of the background's by those of the best class. The objects' own boxes are left out.</summary>
    /// <param name="scores">[regions, classes + 1].</param>
    /// <param name="deltas">[regions, 4 classes].</param>
    /// <param name="coder">Turns differences into boxes.</param>
    /// <param name="batch">What the regions were drawn from.</param>
    /// <returns>For each image the boxes.</returns>
    public float[][] Corrected(torch.Tensor scores, torch.Tensor deltas, BoxCoder coder, TrainingBatch batch)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        var classes = (int)scores.shape[1] - 1;
        var best = Operands.ReadInt64(scores.narrow(1, 0, classes).argmax(1));
        var rows = torch.tensor([.. _labels.Select((label, i) => i * (long)classes + (label == classes ? best[i] : label))]).to(scores.device);
        var own = deltas.reshape(-1, 4).index_select(0, rows).cpu();
        var corrected = Operands.ReadSingle(coder.Decode(torch.tensor(_rois.ToArray()).view(-1, 5).narrow(1, 1, 4).to(own.dtype), own));
        var images = batch.Input.Geometries.Select(static _ => new List<float>()).ToArray();
        for (var i = 0; i < _labels.Count; i++)
        {
            if (!_added.Contains(i))
            {
                var image = (int)_rois[i * 5];
                var geometry = batch.Input.Geometries[image];
                for (var k = 0; k < 4; k++)
                {
                    images[image].Add(Math.Clamp(corrected[(i * 4) + k], 0, k % 2 == 0 ? geometry.Width : geometry.Height));
                }
            }
        }

        return Array.ConvertAll(images, static boxes => boxes.ToArray());
    }

    private void Add(int image, ReadOnlySpan<float> box, int label)
    {
        _rois.Add(image);
        _rois.AddRange(box);
        _labels.Add(label);
    }
}
