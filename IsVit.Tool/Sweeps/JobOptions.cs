namespace IsVit.Tool.Sweeps;

/// <summary>Which options of <c>isvit quantize</c> a job may have: none that names a file of the worker, or decides over the worker.</summary>
internal static class JobOptions
{
    /// <summary>Options that take a file or a folder, which a job has by its hash.</summary>
    public static IReadOnlyList<string> Inputs { get; } = ["weights", "calibration", "labels", "images", "coco"];

    /// <summary>Those of them that a model is scored with only.</summary>
    public static IReadOnlyList<string> TestInputs { get; } = ["labels", "images", "coco"];

    /// <summary>Options that are the worker's own.</summary>
    public static IReadOnlyList<string> Refused { get; } =
    [
        "output", "json", "report", "report-landscape", "checkpoint", "no-checkpoint", "restart", "cache-folder", "config", "device", "units", "progress", "stop-with-input", "dry-run", "Reconstruction:CacheDirectory",
    ];

    /// <summary>The option that decides whether a job gets a device.</summary>
    public const string Device = "device";

    /// <summary>Why a job may not have an option; null if it may.</summary>
    /// <param name="name">The option.</param>
    public static string? Obstacle(string name) =>
        Refused.Contains(name, StringComparer.OrdinalIgnoreCase) ? $"'{name}' is decided by the worker" : Inputs.Contains(name, StringComparer.OrdinalIgnoreCase) ? $"'{name}' takes a file, which a job has by its content" : null;
}
