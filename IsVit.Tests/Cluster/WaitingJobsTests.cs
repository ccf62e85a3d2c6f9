using IsVit.Cluster.Jobs;
using IsVit.Cluster.Scheduling;

namespace IsVit.Tests.Cluster;

public sealed class WaitingJobsTests
{
    private readonly HashSet<string> _open = new(StringComparer.Ordinal);
    private readonly WaitingJobs _waiting;

    public WaitingJobsTests() => _waiting = new WaitingJobs(job => !_open.Contains(job));

    private static WorkerOffer Offer(int threads = 1, long memory = long.MaxValue, int devices = 0, string program = "1") => new("worker", threads, memory, devices, program);

    private static QueuedJob Job(int number, int threads = 1, long memory = 0, bool device = false, params string[] after) => new(FormattableString.Invariant($"job {number}"), new JobSpecification
    {
        Program = "1",
        Options = new Dictionary<string, string>(),
        Inputs = new Dictionary<string, JobInput>(),
        Threads = threads,
        MemoryBytes = memory,
        NeedsDevice = device,
        After = after,
    });

    private QueuedJob Added(QueuedJob job)
    {
        _open.Add(job.Id);
        _waiting.AddLast(job);
        _waiting.Changed(job.Id);
        return job;
    }

    private void End(QueuedJob job)
    {
        _open.Remove(job.Id);
        _waiting.Remove(job);
        _waiting.Changed(job.Id);
    }

    [Fact]
    public void First_JobsOfDifferentNeeds_IsTheFirstThatFits()
    {
        var large = Added(Job(0, threads: 8));
        var device = Added(Job(1, device: true));
        var wide = Added(Job(2, memory: 1000));
        var small = Added(Job(3));
        var second = Added(Job(4));

        Assert.Same(small, _waiting.First(Offer(memory: 999)));
        Assert.Same(wide, _waiting.First(Offer(memory: 1000)));
        Assert.Same(device, _waiting.First(Offer(devices: 1)));
        Assert.Same(large, _waiting.First(Offer(threads: 8)));
        Assert.Null(_waiting.First(Offer(program: "2")));
        _waiting.Remove(small);
        Assert.Same(second, _waiting.First(Offer(memory: 999)));
        _waiting.AddFirst(small);
        Assert.Same(small, _waiting.First(Offer(threads: 8, devices: 1)));
    }

    [Fact]
    public void First_JobBehindOthers_WaitsUntilAllHaveEnded()
    {
        var (first, second) = (Job(1), Job(2));

        // Added before those that it waits for.
        var whole = Added(Job(0, after: [first.Id, second.Id, "one that nobody has submitted"]));
        Added(first);
        Added(second);

        Assert.Same(first, _waiting.First(Offer()));
        End(first);
        Assert.Same(second, _waiting.First(Offer()));
        _waiting.Remove(second);
        Assert.Null(_waiting.First(Offer()));
        End(second);
        Assert.Same(whole, _waiting.First(Offer()));
        Added(second);
        Assert.Same(second, _waiting.First(Offer()));
        End(second);
        _waiting.Remove(whole);
        Assert.Null(_waiting.First(Offer()));
    }

    /// <summary>Whatever happens in whatever order: the same job as by looking at each in turn.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void First_AnyHistory_IsThatOfAList(int seed)
    {
        var (random, list, jobs, fitting) = (new Random(seed), new List<QueuedJob>(), new List<QueuedJob>(), 0);
        for (var i = 0; i < 3000; i++)
        {
            var job = jobs.Count > 0 ? jobs[random.Next(jobs.Count)] : null;
            switch (random.Next(5))
            {
                case 0 or 1 when jobs.Count < 60:
                    jobs.Add(Added(Job(i, random.Next(1, 4), random.Next(3), random.Next(2) == 0, job is null || random.Next(2) == 0 ? [] : [job.Id])));
                    list.Add(jobs[^1]);
                    break;
                case 2 when job is not null:
                    _waiting.Remove(job);
                    list.Remove(job);
                    break;
                case 3 when job is not null && !list.Contains(job):
                    _waiting.AddFirst(job);
                    list.Insert(0, job);
                    break;
                case 4 when job is not null:
                    End(job);
                    list.Remove(job);
                    jobs.Remove(job);
                    break;
            }

            var offer = Offer(random.Next(1, 4), random.Next(3), random.Next(2));
            var expected = list.Find(waiting => offer.Fits(waiting.Specification) && !waiting.Specification.After.Any(_open.Contains));
            fitting += expected is null ? 0 : 1;
            Assert.Same(expected, _waiting.First(offer));
        }

        Assert.InRange(fitting, 500, 2900);
    }
}
