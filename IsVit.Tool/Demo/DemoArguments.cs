namespace IsVit.Tool.Demo;

/// <summary>What <c>isvit demo</c> was asked for.</summary>
internal sealed record DemoArguments
{
    /// <summary>The folder that the models go to.</summary>
    public string Output { get; init; } = "isvit-demo";

    /// <summary>Steps a unit and stage: fewer than the paper's 1000, so that all methods together take minutes.</summary>
    public int Iterations { get; init; } = 20;

    /// <summary>Calibration images used, likewise few.</summary>
    public int CalibrationCount { get; init; } = 128;

    /// <summary>Test images used.</summary>
    public int TestCount { get; init; } = DemoAssets.TestCount;

    /// <summary>Held-out scenes that the detector is measured on.</summary>
    public int SceneCount { get; init; } = 200;

    /// <summary>Fixes every random choice.</summary>
    public int Seed { get; init; }

    /// <summary>The folder of the trained weights and the images.</summary>
    public string Assets { get; init; } = DemoAssets.DefaultFolder;
}
