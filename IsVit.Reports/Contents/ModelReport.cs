namespace IsVit.Reports.Contents;

/// <summary>What is known of a quantized model: what a page shows and a JSON file holds. A part that was not measured is empty.</summary>
public sealed record ModelReport
{
    /// <summary>The title of the page.</summary>
    public required string Title { get; init; }

    /// <summary>The run's options and surroundings, by name: everything that it takes to repeat it.</summary>
    public required IReadOnlyList<ReportFact> Run { get; init; }

    /// <summary>Scores of the float and of the quantized model.</summary>
    public IReadOnlyList<ScoreRow> Scores { get; init; } = [];

    /// <summary>The stages of the run, in order.</summary>
    public IReadOnlyList<StageRow> Stages { get; init; } = [];

    /// <summary>Each unit of each reconstruction, in order.</summary>
    public IReadOnlyList<UnitTraining> Trainings { get; init; } = [];

    /// <summary>The error of each unit's output, in the order in which they run.</summary>
    public IReadOnlyList<UnitError> Units { get; init; } = [];

    /// <summary>How much the outputs change when one site alone is quantized; null if it was not measured.</summary>
    public ReportedSensitivity? Sensitivity { get; init; }

    /// <summary>The loss of a unit around its weights, before and after stage 2; null if it was not looked at.</summary>
    public LossLandscape? Landscape { get; init; }

    /// <summary>Each site, in the order in which they run.</summary>
    public IReadOnlyList<SiteReport> Sites { get; init; } = [];

    /// <summary>Some images, those first whose predicted class is not the float model's.</summary>
    public IReadOnlyList<ImageReport> Images { get; init; } = [];

    /// <summary>How long the model takes in its formats.</summary>
    public IReadOnlyList<LatencyRow> Latencies { get; init; } = [];
}
