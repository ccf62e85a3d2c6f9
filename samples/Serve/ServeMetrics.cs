using System.Diagnostics.Metrics;

namespace Serve;

/// <summary>What the service counts and measures.</summary>
internal sealed class ServeMetrics
{
    /// <summary>The name of the meter.</summary>
    public const string Name = "IsVit.Serve";

    private readonly Counter<long> _requests;
    private readonly Counter<long> _rejections;
    private readonly Histogram<double> _duration;
    private readonly Histogram<double> _computing;

    public ServeMetrics(IMeterFactory factory, Places places)
    {
        var meter = factory.Create(Name);
        var seconds = new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] };
        _requests = meter.CreateCounter<long>("serve.requests", description: "Answered requests by status and model.");
        _rejections = meter.CreateCounter<long>("serve.rejections", description: "Requests turned away because every place was taken.");
        _duration = meter.CreateHistogram("serve.request.duration", "s", "From the request's head to its answer, upload included.", advice: seconds);
        _computing = meter.CreateHistogram("serve.computing.duration", "s", "The model alone.", advice: seconds);
        meter.CreateObservableGauge("serve.requests.inside", () => places.Inside, description: "Requests that hold a place: sending, waiting or computing.");
        meter.CreateObservableGauge("serve.queue.length", () => places.Waiting, description: "Requests whose image has arrived and that wait to compute.");
    }

    public void Answered(int status, string model, TimeSpan took)
    {
        _requests.Add(1, new("status", status), new("model", model));
        _duration.Record(took.TotalSeconds, new KeyValuePair<string, object?>("model", model));
    }

    public void Rejected() => _rejections.Add(1);

    public void Computed(string model, TimeSpan took) => _computing.Record(took.TotalSeconds, new KeyValuePair<string, object?>("model", model));
}
