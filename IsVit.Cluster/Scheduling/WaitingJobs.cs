using IsVit.Cluster.Jobs;

namespace IsVit.Cluster.Scheduling;

/// <summary>Jobs that wait, in order, so that the first one that fits an offer is found without looking at each: jobs that ask for the same are kept together, and those that wait for other jobs apart.</summary>
/// <param name="hasEnded">Whether a job that others wait for has ended.</param>
internal sealed class WaitingJobs(Func<string, bool> hasEnded)
{
    private static readonly Comparer<QueuedJob> s_byPlace = Comparer<QueuedJob>.Create(static (x, y) => x.Place.CompareTo(y.Place));

    private readonly Dictionary<(int Threads, long MemoryBytes, bool NeedsDevice, string Program), SortedSet<QueuedJob>> _ready = [];
    private readonly Dictionary<string, HashSet<QueuedJob>> _behind = new(StringComparer.Ordinal);
    private readonly HashSet<QueuedJob> _all = [];
    private long _first;
    private long _last;

    /// <summary>Lets a job wait behind all others. Nothing happens if it waits.</summary>
    public void AddLast(QueuedJob job) => Add(job, ref _last, 1);

    /// <summary>Lets a job wait before all others. Nothing happens if it waits.</summary>
    public void AddFirst(QueuedJob job) => Add(job, ref _first, -1);

    /// <summary>A job waits no more. Nothing happens if it did not.</summary>
    public void Remove(QueuedJob job)
    {
        if (!_all.Remove(job))
        {
            return;
        }

        NotReady(job);
        foreach (var other in job.Specification.After)
        {
            if (_behind.TryGetValue(other, out var behind) && behind.Remove(job) && behind.Count == 0)
            {
                _behind.Remove(other);
            }
        }
    }

    /// <summary>A job that others may wait for has ended, or is to run after all.</summary>
    public void Changed(string job)
    {
        if (_behind.TryGetValue(job, out var behind))
        {
            foreach (var other in behind)
            {
                Place(other);
            }
        }
    }

    /// <summary>The first job that fits and waits for no other; null if there is none.</summary>
    public QueuedJob? First(WorkerOffer offer)
    {
        QueuedJob? first = null;
        foreach (var jobs in _ready.Values)
        {
            // They all ask for the same.
            if (jobs.Min is { } job && (first is null || job.Place < first.Place) && offer.Fits(job.Specification))
            {
                first = job;
            }
        }

        return first;
    }

    private void Add(QueuedJob job, ref long end, int step)
    {
        if (!_all.Add(job))
        {
            return;
        }

        job.Place = end += step;
        foreach (var other in job.Specification.After)
        {
            if (!_behind.TryGetValue(other, out var behind))
            {
                _behind[other] = behind = [];
            }

            behind.Add(job);
        }

        Place(job);
    }

    private void Place(QueuedJob job)
    {
        if (!job.Specification.After.All(hasEnded))
        {
            NotReady(job);
            return;
        }

        var key = Key(job);
        if (!_ready.TryGetValue(key, out var jobs))
        {
            _ready[key] = jobs = new SortedSet<QueuedJob>(s_byPlace);
        }

        jobs.Add(job);
    }

    private void NotReady(QueuedJob job)
    {
        var key = Key(job);
        if (_ready.TryGetValue(key, out var jobs) && jobs.Remove(job) && jobs.Count == 0)
        {
            _ready.Remove(key);
        }
    }

    private static (int Threads, long MemoryBytes, bool NeedsDevice, string Program) Key(QueuedJob job) =>
        (job.Specification.Threads, job.Specification.MemoryBytes, job.Specification.NeedsDevice, job.Specification.Program);
}
