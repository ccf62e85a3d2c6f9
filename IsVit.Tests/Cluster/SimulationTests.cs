using IsVit.Benchmarks.Cluster.Simulation;

namespace IsVit.Tests.Cluster;

/// <summary>What the simulation of a cluster says where the answer is known.</summary>
public sealed class SimulationTests
{
    // Powers of two, so that sums are exact.
    private static readonly ServiceTimes s_times = new()
    {
        Call = 1.0 / 1024,
        SchedulerCall = 1.0 / 4096,
        CheckedJob = 1.0 / 8192,
        WriteLatency = 1.0 / 128,
        WriteOccupation = 1.0 / 512,
        QueuedJob = 0,
        ContentBytesPerSecond = 1 << 30,
    };

    private static readonly SimulationSettings s_small = new() { Workers = 20, Jobs = 200, JobSeconds = 40, Times = s_times, Seed = 1 };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_FailuresOfEveryKind_EachJobEndsOnce(bool oneCallAtATime)
    {
        var settings = s_small with { KillsPerHour = 20, HangsPerHour = 2, MostSilence = 100, Poison = 0.05, OneCallAtATime = oneCallAtATime };

        var result = SimulatedCluster.Run(settings);

        Assert.All(Enumerable.Range(0, settings.Jobs), i => Assert.Equal(1, result.Done[i] + result.Failed[i]));
        Assert.True(result.Kills > 10 && result.Poison > 3 && result.Lost > 0, $"{result.Kills} killed, {result.Poison} always fail, {result.Lost} s in vain: not what was to be looked at.");
        Assert.InRange(result.Failed.Sum(), result.Poison, result.Poison + 5);
        Assert.InRange(result.Utilization, 0.01, 1);
        Assert.True(result.Makespan >= result.LowerBound);
    }

    [Fact]
    public void Run_SameSeed_SameResult()
    {
        var settings = s_small with { KillsPerHour = 20, Poison = 0.05 };

        var (first, second, other) = (SimulatedCluster.Run(settings), SimulatedCluster.Run(settings), SimulatedCluster.Run(settings with { Seed = 2 }));

        Assert.Equal((first.Makespan, first.Writes, first.Lost, first.Begin), (second.Makespan, second.Writes, second.Lost, second.Begin));
        Assert.NotEqual(first.Makespan, other.Makespan);
    }

    [Fact]
    public void Run_OnePoisonJob_IsTriedAsOftenAsAllowed()
    {
        var result = SimulatedCluster.Run(s_small with { Workers = 1, Jobs = 1, Spread = 0, Poison = 1, Setup = 0, Units = 4 });

        Assert.Equal((0, 1), (result.Done[0], result.Failed[0]));
        Assert.Equal(3 * 5, result.Lost, 1e-9);
    }

    /// <summary>One worker, nothing fails: each job is its length and a fixed number of calls and writes.</summary>
    [Fact]
    public void Run_OneWorkerWithoutFailures_IsTheSumOfItsParts()
    {
        const int jobs = 7;
        var settings = s_small with { Workers = 1, Jobs = jobs, JobSeconds = 3, Spread = 0, Units = 4, UnitBytes = 1 << 20, ResultBytes = 1 << 21, InputBytes = 1 << 22 };

        var result = SimulatedCluster.Run(settings);

        // Shorter than a beat: all files go to the store at the end.
        var take = (2 * s_times.Call) + s_times.SchedulerCall + s_times.WriteLatency;
        var files = 6.0 / 1024;
        var handIn = files + (2 * s_times.Call) + (2 * s_times.WriteLatency);
        var answer = s_times.Call / 2;
        Assert.Equal((4.0 / 1024) + (jobs * (take + 3 + handIn)) + ((jobs - 1) * answer), result.Makespan, 1e-9);
        Assert.Equal(3 * jobs, result.LowerBound, 1e-9);
        Assert.Equal(handIn + answer, result.HandIn, 1e-9);
        Assert.Equal((3 * jobs) + Math.Floor(result.Makespan / settings.CheckSeconds), result.Writes, 3.0);
    }

    /// <summary>Units are put into the store when the worker is next heard of, and only those are computed again that were not.</summary>
    [Fact]
    public void Run_LongJobs_WriteEachBeatWithNews()
    {
        var settings = s_small with { Workers = 1, Jobs = 1, JobSeconds = 40, Spread = 0, Setup = 0, Units = 4, CheckSeconds = 1000 };

        var result = SimulatedCluster.Run(settings);

        // Lent; three units; the last unit, with the result; done.
        Assert.Equal(1 + 3 + 1 + 1, result.Writes);
        Assert.Equal((4 * settings.UnitBytes) + settings.ResultBytes + settings.InputBytes, result.ContentBytes);
    }

    /// <summary>As many workers as the database can serve: it gives the most jobs a second, and no more.</summary>
    [Fact]
    public void Run_MoreWorkersThanTheDatabaseServes_IsAsFastAsTheDatabase()
    {
        var settings = s_small with { Workers = 400, Jobs = 4000, JobSeconds = 0.5, UnitBytes = 0, ResultBytes = 0, InputBytes = 0 };

        var result = SimulatedCluster.Run(settings);

        // Lent, units, done.
        Assert.Equal(3 * s_times.WriteOccupation * settings.Jobs, result.Makespan, 0.03 * result.Makespan);
        Assert.InRange(result.DatabaseLoad, 0.97, 1);
    }

    [Fact]
    public void Run_OneCallAtATime_LendsNoMoreThanOneJobAWrite()
    {
        var settings = s_small with { Workers = 400, Jobs = 4000, JobSeconds = 0.5, UnitBytes = 0, ResultBytes = 0, InputBytes = 0, OneCallAtATime = true };

        var result = SimulatedCluster.Run(settings);

        Assert.True(result.Makespan >= settings.Jobs * (s_times.SchedulerCall + s_times.Call + s_times.WriteLatency));
        Assert.InRange(result.SchedulerLoad, 0.97, 1);
    }

    /// <summary>A killed worker costs at least the silence after which it counts as lost, and what it had not put into the store.</summary>
    [Fact]
    public void Run_KilledOftenWithLongUnits_LosesMoreThanWithShortOnes()
    {
        var settings = s_small with { KillsPerHour = 30 };

        var (few, many) = (SimulatedCluster.Run(settings with { Units = 1, MostTries = 1000 }), SimulatedCluster.Run(settings with { Units = 100, MostTries = 1000 }));

        Assert.Equal(0, few.Failed.Sum() + many.Failed.Sum());
        Assert.True(few.Lost > 1.5 * many.Lost, $"{few.Lost} s lost with one unit a job, {many.Lost} with 100.");
    }

    /// <summary>Random arrivals, equal service: the Pollaczek-Khinchine formula, half the waiting time of random service.</summary>
    [Theory]
    [InlineData(0.5)]
    [InlineData(0.8)]
    public void Station_PoissonArrivalsAndEqualService_WaitAsTheFormulaSays(double load)
    {
        const int count = 200_000;
        var (clock, random, waited, at) = (new EventClock(), new Random(3), 0.0, 0.0);
        var station = new Station(clock);
        for (var i = 0; i < count; i++)
        {
            at -= Math.Log(1 - random.NextDouble()) / load;
            clock.At(at, () =>
            {
                var arrived = clock.Now;
                station.Enter(1, () => waited += clock.Now - arrived - 1);
            });
        }

        clock.Run();

        Assert.Equal(load / (2 * (1 - load)), waited / count, 0.05 * load / (2 * (1 - load)));
        Assert.Equal(count, station.BusySeconds, 1e-3);
    }
}
