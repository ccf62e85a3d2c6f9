using TorchSharp;

namespace IsVit.Detection.Models;

/// <summary>What one stage of a detector said of regions.</summary>
/// <param name="Boxes">For each image [regions, 4].</param>
/// <param name="Rois">[all regions, 5]: image and box.</param>
/// <param name="Features">[all regions, channels, side, side].</param>
/// <param name="Scores">For each image the logits [regions, classes + 1], the background last.</param>
/// <param name="Deltas">For each image the differences [regions, 4 classes].</param>
internal sealed record ClassifiedStage(IReadOnlyList<torch.Tensor> Boxes, torch.Tensor Rois, torch.Tensor Features, IReadOnlyList<torch.Tensor> Scores, IReadOnlyList<torch.Tensor> Deltas);
