using BenchmarkDotNet.Analysers;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Engines;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Validators;
using TorchSharp;

namespace IsVit.Benchmarks;

/// <summary>What managed allocations do not show: the most memory that a benchmark's runs took from the system beyond what they began with, and the tensors that they left behind.</summary>
internal sealed class NativeMemory : IDiagnoser
{
    private const double Mebibyte = 1 << 20;
    private long _residentBefore;
    private long _tensorsBefore;
    private double _peak;
    private long _left;

    public IEnumerable<string> Ids => [nameof(NativeMemory)];

    public IEnumerable<IExporter> Exporters => [];

    public IEnumerable<IAnalyser> Analysers => [];

    public RunMode GetRunMode(BenchmarkCase benchmarkCase) => OperatingSystem.IsLinux() ? RunMode.NoOverhead : RunMode.None;

    public bool RequiresBlockingAcknowledgments(BenchmarkCase benchmarkCase) => false;

    public void Handle(HostSignal signal, DiagnoserActionParameters parameters)
    {
        if (signal == HostSignal.BeforeActualRun)
        {
            ResidentMemory.ForgetPeak();
            _residentBefore = ResidentMemory.Now;
            _tensorsBefore = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }
        else if (signal == HostSignal.AfterActualRun)
        {
            _peak = (ResidentMemory.Peak - _residentBefore) / Mebibyte;
            _left = DisposeScopeManager.Statistics.ThreadTotalLiveCount - _tensorsBefore;
        }
    }

    public IEnumerable<Metric> ProcessResults(DiagnoserResults results) => [new(new Descriptor("Peak", "The most resident memory beyond that at the start of the runs", "MiB"), _peak), new(new Descriptor("Tensors left", "Tensors that the runs left alive", ""), _left)];

    public void DisplayResults(ILogger logger)
    {
        // The table has them.
    }

    public IEnumerable<ValidationError> Validate(ValidationParameters validationParameters) => [];

    private sealed record Descriptor(string DisplayName, string Legend, string Unit) : IMetricDescriptor
    {
        public string Id => DisplayName;

        public string NumberFormat => "N1";

        public UnitType UnitType => UnitType.Dimensionless;

        public bool TheGreaterTheBetter => false;

        public int PriorityInCategory => 0;

        public bool GetIsAvailable(Metric metric) => true;
    }
}
