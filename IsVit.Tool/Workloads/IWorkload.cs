using IsVit.Core.Graph;
using IsVit.Core.Samples;
using IsVit.Optimization.Reporting;
using IsVit.Reports.Contents;
using IsVit.Tool.Evaluation;
using IsVit.Tool.Inputs;
using IsVit.Tool.Reporting;

namespace IsVit.Tool.Workloads;

/// <summary>A float model with the images that it is quantized and scored on: what differs between the kinds of models that <c>isvit quantize</c> takes.</summary>
internal interface IWorkload : IDisposable
{
    /// <summary>What the model is called.</summary>
    string Name { get; }

    /// <summary>Whether the model outputs features, which have no classes.</summary>
    bool OutputsFeatures { get; }

    /// <summary>The model, in evaluation mode on its device; its weights are replaced when it is quantized.</summary>
    ModelForward Model { get; }

    /// <summary>The images in a few words, such as <c>32 calibration images, 100 test images</c>.</summary>
    string Images { get; }

    /// <summary>How many test images there are.</summary>
    int TestCount { get; }

    /// <summary>Scores the float model, which quantized ones are compared with.</summary>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <returns>Null if there are no test images.</returns>
    EvaluationResult? MeasureFloat(CancellationToken cancellationToken);

    /// <summary>How long the float model took for the test images; zero without any.</summary>
    TimeSpan TestDuration { get; }

    /// <summary>Scores the model as it is now, after <see cref="MeasureFloat"/>.</summary>
    /// <param name="cancellationToken">Stops within one batch.</param>
    EvaluationResult Measure(CancellationToken cancellationToken);

    /// <summary>Reads what the model is calibrated and reconstructed on, while it is still float.</summary>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <returns>Samples, to be disposed.</returns>
    InMemorySamples ReadCalibration(CancellationToken cancellationToken);

    /// <summary>Reads some test images that a report looks at both models with.</summary>
    /// <param name="count">The most images.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <returns>Samples, to be disposed; null where the calibration's serve.</returns>
    InMemorySamples? ReadShown(int count, CancellationToken cancellationToken);

    /// <summary>What the run reads: files and images with their hashes.</summary>
    IReadOnlyList<ReportFact> HashInputs();

    /// <summary>Names of the classes by index; null if they are not known.</summary>
    IReadOnlyList<string>? ClassNames { get; }

    /// <summary>Whether a module is meant to stay in float.</summary>
    /// <param name="path">Its path in the model.</param>
    bool IsLeftInFloat(string path);

    /// <summary>What is kept beside the quantized model.</summary>
    /// <param name="run">What the engine reported.</param>
    RunDescription Describe(QuantizationReport run);

    /// <summary>A detector's part of the report; null for a classifier.</summary>
    /// <param name="reference">What <see cref="MeasureFloat"/> gave.</param>
    /// <param name="result">What <see cref="Measure"/> gave last.</param>
    DetectionJson? Report(EvaluationResult? reference, EvaluationResult result);
}
