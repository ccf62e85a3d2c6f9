using BenchmarkDotNet.Running;
using IsVit.Benchmarks;
using IsVit.Benchmarks.Accuracy;
using IsVit.Benchmarks.Cluster;
using IsVit.Benchmarks.Guard;
using IsVit.Benchmarks.Imaging;
using IsVit.Benchmarks.Optimization;
using IsVit.Benchmarks.Quantizers;
using IsVit.Benchmarks.Reliability;
using IsVit.Benchmarks.Runtime;
using IsVit.Benchmarks.Serving;

if (args is [StartedEngine.Name, var model, var threads])
{
    return StartedEngine.Run(model, threads);
}

if (args is ["start", .. var engines])
{
    return StartUp.Run(engines);
}

if (args is ["beside", .. var compared])
{
    return BesideOnnx.Run(compared);
}

if (args is ["guard", .. var rest])
{
    return GuardRun.Run(rest.FirstOrDefault());
}

if (args is ["exhaustive", .. var chosen])
{
    return ExhaustiveComparison.Run(chosen.FirstOrDefault());
}

if (args is ["memory", .. var numbers])
{
    return ReconstructionMemory.Run(numbers);
}

if (args is ["products"])
{
    return ProductRates.Run();
}

if (args is ["mutations", .. var files])
{
    return DamagedFiles.Run(files);
}

if (args is ["soak", .. var load])
{
    return Soak.Run(load);
}

if (args is ["reliability", .. var part])
{
    return ReliabilityCommand.Run(part);
}

if (args is ["ablation", .. var setting])
{
    return Ablation.Run(setting);
}

if (args is ["load", var service, var image, .. var requests])
{
    return await ServiceLoad.Run(service, image, requests.FirstOrDefault());
}

if (args is ["cluster-calls", .. var cluster])
{
    return await ClusterCalls.Run(cluster);
}

if (args is ["simulation", .. var simulated])
{
    return ClusterSimulation.Run(simulated);
}

// In process: the project that BenchmarkDotNet would generate for each benchmark copies libtorch anew. A short job unless another is asked for.
string[] given = args.Any(a => a is "-j" or "--job") ? args : [.. args, "--job", "short"];
var types = typeof(Table).Assembly.GetTypes().Where(type => type.Namespace?.StartsWith(typeof(Table).Namespace!, StringComparison.Ordinal) == true && type.IsPublic).ToList();
if (CalibrationImages.Folder is null)
{
    Console.WriteLine($"{nameof(ImageLoading)} is left out: ../shared/data/imagenet/calibration is absent.");
    types.Remove(typeof(ImageLoading));
}

BenchmarkSwitcher.FromTypes([.. types]).Run([.. given, "--inProcess"], new Table());
return 0;
