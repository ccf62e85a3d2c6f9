using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;

namespace IsVit.Benchmarks;

/// <summary>What a table shows: time, its spread, and its ratio to the baseline of the same category.</summary>
internal sealed class Table : ManualConfig
{
    public Table()
    {
        AddLogger(ConsoleLogger.Default);
        AddExporter(MarkdownExporter.GitHub);
        AddColumnProvider(DefaultColumnProviders.Instance);
        AddColumn(CategoriesColumn.Default);
        AddDiagnoser(MemoryDiagnoser.Default, new NativeMemory());
        HideColumns("Job", "Toolchain", "Method Description", "IterationCount", "LaunchCount", "WarmupCount", "InvocationCount", "UnrollFactor", "RunStrategy", "RatioSD");
        AddLogicalGroupRules(BenchmarkLogicalGroupRule.ByParams, BenchmarkLogicalGroupRule.ByCategory);
        SummaryStyle = SummaryStyle.Default.WithMaxParameterColumnWidth(40);
        Options |= ConfigOptions.DisableOptimizationsValidator;
    }
}
