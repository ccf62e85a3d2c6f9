using IsVit.Runtime.Execution;

namespace IsVit.Tests.Runtime.Execution;

public sealed class TeamTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(31)]
    public void Run_PhasesOfManySizes_DoesEachItemOnceAndInOrder(int workers)
    {
        const int Runs = 3000;
        var random = new Random(workers);
        var team = new Team(workers);
        for (var run = 0; run < Runs; run++)
        {
            // Few items, many phases: threads of the run before come late, and counts of phases differ.
            var phases = new Phases([.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(1, 9))], workers);

            team.Run(phases, CancellationToken.None);

            Assert.Null(phases.Fault);
            Assert.All(phases.Done, static phase => Assert.All(phase, static count => Assert.Equal(1, count)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Run_AnItemThrows_ThrowsTheSameAndRunsAgain(int workers)
    {
        var team = new Team(workers);
        for (var run = 0; run < 300; run++)
        {
            var phases = new Phases([4, 3, 5], workers) { ThrowsAt = (run % 3, run % 3) };
            Assert.Equal("thrown", Assert.Throws<InvalidOperationException>(() => team.Run(phases, CancellationToken.None)).Message);
            Assert.All(phases.Done.Skip((run % 3) + 1), static phase => Assert.All(phase, static count => Assert.Equal(0, count)));

            var whole = new Phases([4, 3, 5], workers);
            team.Run(whole, CancellationToken.None);
            Assert.All(whole.Done, static phase => Assert.All(phase, static count => Assert.Equal(1, count)));
        }
    }

    [Fact]
    public void Run_CancelledByAnItem_EndsBeforeTheNextPhase()
    {
        var team = new Team(3);
        using var source = new CancellationTokenSource();
        var phases = new Phases([4, 3, 5], 3) { Cancels = source };

        Assert.ThrowsAny<OperationCanceledException>(() => team.Run(phases, source.Token));

        Assert.All(phases.Done.Skip(1), static phase => Assert.All(phase, static count => Assert.Equal(0, count)));
    }

    private sealed class Phases(int[] counts, int workers) : IPhases
    {
        private readonly int[] _busy = new int[workers];

        public int[][] Done { get; } = [.. counts.Select(static count => new int[count])];

        public (int Phase, int Item)? ThrowsAt { get; init; }

        public CancellationTokenSource? Cancels { get; init; }

        public string? Fault { get; private set; }

        public int PhaseCount => counts.Length;

        public int ItemCount(int phase) => counts[phase];

        public void Do(int phase, int item, int worker)
        {
            Fault = Interlocked.Increment(ref _busy[worker]) != 1 ? $"worker {worker} does two items at a time" : Fault;
            Fault = phase > 0 && Done[phase - 1].Contains(0) ? $"phase {phase} began before the one before was done" : Fault;
            if (ThrowsAt == (phase, item))
            {
                Interlocked.Decrement(ref _busy[worker]);
                throw new InvalidOperationException("thrown");
            }

            Cancels?.Cancel();
            Thread.SpinWait(item * 5);
            Interlocked.Decrement(ref _busy[worker]);
            Interlocked.Increment(ref Done[phase][item]);
        }
    }
}
