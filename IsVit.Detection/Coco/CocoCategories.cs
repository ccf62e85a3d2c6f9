namespace IsVit.Detection.Coco;

/// <summary>COCO's 80 categories of things (Lin et al., arXiv 1405.0312), in the order in which detectors number them: by ascending id. Ids of categories that have no instances are left out.</summary>
public static class CocoCategories
{
    private static readonly (long First, string[] Names)[] s_runs =
    [
        (1, ["person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light", "fire hydrant"]),
        (13, ["stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"]),
        (27, ["backpack", "umbrella"]),
        (31, ["handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle"]),
        (46, ["wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed"]),
        (67, ["dining table"]),
        (70, ["toilet"]),
        (72, ["tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink", "refrigerator"]),
        (84, ["book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush"]),
    ];

    /// <summary>The categories.</summary>
    public static IReadOnlyList<CocoCategory> All { get; } = [.. s_runs.SelectMany(static run => run.Names.Select((name, i) => new CocoCategory(run.First + i, name)))];
}
