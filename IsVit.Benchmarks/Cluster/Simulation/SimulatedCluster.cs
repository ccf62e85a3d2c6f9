namespace IsVit.Benchmarks.Cluster.Simulation;

/// <summary>
/// Discrete events of a cluster of <c>IsVit.Cluster</c>: workers ask the one scheduler for jobs, jobs write what becomes of them to the one database, files of finished units go to the one content store.
/// Jobs themselves are kept on all members, and none of them is a bound.
/// </summary>
internal sealed class SimulatedCluster
{
    private const double SecondsPerHour = 3600;
    private const int CheckedAtOnce = 64;

    private readonly SimulationSettings _settings;
    private readonly ServiceTimes _times;
    private readonly EventClock _clock = new();
    private readonly Random _random;
    private readonly Station _scheduler;
    private readonly Station _database;
    private readonly Station _content;
    private readonly SimulatedJob[] _jobs;
    private readonly SimulatedWorker[] _workers;
    private readonly LinkedList<SimulatedJob> _waiting;
    private readonly List<SimulatedJob> _silent = [];
    private readonly int[] _done;
    private readonly int[] _failed;
    private readonly List<double> _begins = [];
    private (double Time, double Computed, double Scheduler, double Database, double Content) _steady;
    private int _ended;
    private int _endedUnwritten;
    private int _queued;
    private int _running;
    private int _kills;
    private long _writes;
    private double _bytes;
    private double _computed;
    private double _handIn;

    private SimulatedCluster(SimulationSettings settings)
    {
        (_settings, _times, _random) = (settings, settings.Times, new Random(settings.Seed));
        (_scheduler, _database, _content) = (new Station(_clock), new Station(_clock), new Station(_clock));
        _jobs =
        [
            .. Enumerable.Range(0, settings.Jobs).Select(i => new SimulatedJob
            {
                Index = i,
                Length = settings.JobSeconds * (1 + (settings.Spread * ((2 * _random.NextDouble()) - 1))),
                IsPoison = _random.NextDouble() < settings.Poison,
            }),
        ];
        _workers = [.. Enumerable.Range(0, settings.Workers).Select(static _ => new SimulatedWorker())];
        (_waiting, _queued) = (new LinkedList<SimulatedJob>(_jobs), settings.Jobs);
        (_done, _failed) = (new int[settings.Jobs], new int[settings.Jobs]);
    }

    /// <summary>Runs all jobs to their end.</summary>
    /// <param name="settings">The cluster and its work.</param>
    public static SimulationResult Run(SimulationSettings settings)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.Workers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.Jobs, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(settings.Units, 1);
        var cluster = new SimulatedCluster(settings);
        return cluster.Run();
    }

    private SimulationResult Run()
    {
        foreach (var worker in _workers)
        {
            Poll(worker);
            PlanKill(worker);
        }

        _clock.After(_settings.CheckSeconds, Check);
        _clock.Run();
        _begins.Sort();
        var useful = _jobs.Where(job => _done[job.Index] > 0).Sum(static job => job.Length);
        return new SimulationResult
        {
            Makespan = _clock.Now,
            LowerBound = Math.Max(useful / _settings.Workers, _jobs.Where(job => _done[job.Index] > 0).Select(static job => job.Length).DefaultIfEmpty().Max()),
            SteadySeconds = _steady.Time,
            Utilization = useful / (_settings.Workers * _clock.Now),
            SteadyUtilization = _steady.Computed / (_settings.Workers * _steady.Time),
            Begin = _begins.DefaultIfEmpty().Average(),
            BeginP99 = _begins.ElementAtOrDefault((int)(0.99 * (_begins.Count - 1))),
            HandIn = _handIn / Math.Max(1, _done.Sum()),
            SchedulerLoad = _steady.Scheduler / _steady.Time,
            DatabaseLoad = _steady.Database / _steady.Time,
            ContentLoad = _steady.Content / _steady.Time,
            SchedulerSeconds = _scheduler.BusySeconds,
            Writes = _writes,
            ContentBytes = _bytes,
            Lost = Math.Max(0, _computed - useful),
            Done = _done,
            Failed = _failed,
            Poison = _jobs.Count(static job => job.IsPoison),
            Kills = _kills,
        };
    }

    private double Unit(SimulatedJob job) => job.Length * (1 - _settings.Setup) / _settings.Units;

    private void Poll(SimulatedWorker worker)
    {
        var life = worker.Lives;
        _clock.After(_times.Call / 2, () => _scheduler.Enter(release => _clock.After(_times.SchedulerCall + (_waiting.Count > 0 ? 0 : _settings.Unfit * _times.ScannedJob), () =>
        {
            if (_waiting.First?.Value is not { } job)
            {
                release();
                _clock.After(_times.Call / 2, () => Pause(worker, life));
                return;
            }

            _waiting.RemoveFirst();
            _running++;
            if (!_settings.OneCallAtATime)
            {
                release();
            }

            // The job is asked, and what it says is written before.
            _clock.After(_times.Call, () => Write(() =>
            {
                job.Lease++;
                job.Tries++;
                job.Begun = -1;
                job.Heard = _clock.Now;
                if (_settings.OneCallAtATime)
                {
                    release();
                }

                _clock.After(_times.Call / 2, () => Begin(worker, life, job));
            }));
        })));
    }

    private void Pause(SimulatedWorker worker, int life)
    {
        var pause = _settings.PollSeconds * worker.Wait;
        worker.Wait = Math.Min(2 * worker.Wait, _settings.LongestPoll);
        _clock.After(pause, () =>
        {
            if (worker.Lives == life)
            {
                Poll(worker);
            }
        });
    }

    private void Begin(SimulatedWorker worker, int life, SimulatedJob job)
    {
        if (worker.Lives != life)
        {
            _silent.Add(job);
            return;
        }

        (worker.Job, worker.Wait) = (job, 1);
        (job.Heard, job.KeptAtBegin, job.Put) = (_clock.Now, job.Kept, job.Kept);
        var isFirst = !worker.HasInputs;
        Move((worker.HasInputs ? 0 : _settings.InputBytes) + (job.Kept * _settings.UnitBytes), () =>
        {
            if (worker.Lives == life)
            {
                worker.HasInputs = true;
                if (!isFirst)
                {
                    _begins.Add(_clock.Now - Math.Max(worker.Free, job.Waiting));
                }

                Compute(worker, job);
            }
        });
    }

    private void Compute(SimulatedWorker worker, SimulatedJob job)
    {
        var (life, lease, now) = (worker.Lives, job.Lease, _clock.Now);
        job.Begun = now;
        job.End = now + (job.Length * _settings.Setup) + ((_settings.Units - job.Kept) * Unit(job));
        if (_waiting.Count == 0)
        {
            var computed = _computed + _workers.Sum(other => other.Job is { Begun: >= 0 } running ? Math.Max(0, Math.Min(now, running.End) - running.Begun) : 0);
            _steady = (now, computed, _scheduler.BusySeconds, _database.BusySeconds, _content.BusySeconds);
        }

        if (job.IsPoison)
        {
            job.End = now + (job.Length * _settings.Setup) + (Unit(job) / 2);
            _clock.At(job.End, () => IfStill(worker, life, () => Fail(worker, job)));
            return;
        }

        var hang = Exponential(_settings.HangsPerHour);
        if (now + hang < job.End)
        {
            job.End = now + hang;
            _clock.At(job.End + _settings.MostSilence, () => IfStill(worker, life, () => Fail(worker, job)));
        }
        else
        {
            _clock.At(job.End, () => IfStill(worker, life, () => HandIn(worker, job)));
        }

        PlanBeat(worker, job, lease);
    }

    // Beats without a newly finished unit write nothing and are no event.
    private void PlanBeat(SimulatedWorker worker, SimulatedJob job, int lease)
    {
        var (life, unit) = (worker.Lives, Unit(job));
        var first = job.Begun + (job.Length * _settings.Setup);
        var next = first + ((job.Put + 1 - job.KeptAtBegin) * unit);
        if (next >= job.End - (1e-6 * unit))
        {
            return;
        }

        var beat = job.Heard + (_settings.BeatSeconds * Math.Max(1, Math.Ceiling((next - job.Heard) / _settings.BeatSeconds)));
        _clock.At(Math.Max(beat, _clock.Now), () => IfStill(worker, life, () =>
        {
            if (job.Lease != lease || worker.Job != job)
            {
                return;
            }

            var finished = Math.Min(_settings.Units, job.KeptAtBegin + (int)((Math.Min(_clock.Now, job.End) - first + (1e-6 * unit)) / unit));
            var added = finished - job.Put;
            job.Put = finished;
            Move(added * _settings.UnitBytes, () => Write(() => IfStill(worker, life, () =>
            {
                if (job.Lease == lease && worker.Job == job)
                {
                    (job.Kept, job.Tries, job.Heard) = (finished, 1, _clock.Now);
                    PlanBeat(worker, job, lease);
                }
            })));
        }));
    }

    private void HandIn(SimulatedWorker worker, SimulatedJob job)
    {
        var (life, ended) = (worker.Lives, _clock.Now);
        var left = _settings.Units - job.Put;
        void Complete() => Write(() => IfStill(worker, life, () =>
        {
            _done[job.Index]++;
            _computed += ended - job.Begun;
            _handIn += _clock.Now + (_times.Call / 2) - ended;
            worker.Job = null;
            Ended(job);
            FreeAfterAnswer(worker);
        }));

        Move(_settings.ResultBytes + (left * _settings.UnitBytes), () => IfStill(worker, life, () => _clock.After(_times.Call, () =>
        {
            if (left > 0)
            {
                Write(() => IfStill(worker, life, () =>
                {
                    job.Put = job.Kept = _settings.Units;
                    _clock.After(_times.Call, Complete);
                }));
            }
            else
            {
                Complete();
            }
        })));
    }

    private void Fail(SimulatedWorker worker, SimulatedJob job)
    {
        _computed += job.End - job.Begun;
        worker.Job = null;
        _clock.After(_times.Call / 2, () => GiveUp(job));
        FreeAfterAnswer(worker);
    }

    private void FreeAfterAnswer(SimulatedWorker worker)
    {
        var life = worker.Lives;
        _clock.After(_times.Call / 2, () => IfStill(worker, life, () =>
        {
            worker.Free = _clock.Now;
            Poll(worker);
        }));
    }

    private void GiveUp(SimulatedJob job) => Write(() =>
    {
        job.Lease++;
        if (job.Tries >= _settings.MostTries)
        {
            _failed[job.Index]++;
            Ended(job);
        }
        else
        {
            job.Waiting = _clock.Now;
            _scheduler.Enter(_times.SchedulerCall, () =>
            {
                _running--;
                _waiting.AddFirst(job);
            });
        }
    });

    private void Ended(SimulatedJob job)
    {
        job.Lease++;
        if (++_ended == _jobs.Length)
        {
            _clock.Stop();
        }

        _scheduler.Enter(_times.SchedulerCall, () =>
        {
            _running--;
            _queued--;
            _endedUnwritten++;
        });
    }

    private void PlanKill(SimulatedWorker worker)
    {
        var life = Exponential(_settings.KillsPerHour);
        if (!double.IsFinite(life))
        {
            return;
        }

        _clock.After(life, () =>
        {
            _kills++;
            worker.Lives++;
            if (worker.Job is { } job)
            {
                worker.Job = null;
                if (job.Begun >= 0)
                {
                    _computed += Math.Min(_clock.Now, job.End) - job.Begun;
                }

                // Its last beat before.
                job.Heard += _settings.BeatSeconds * Math.Floor(Math.Max(0, _clock.Now - job.Heard) / _settings.BeatSeconds);
                _silent.Add(job);
            }

            // The scheduler is on one of the members: it begins anew on another and asks all jobs.
            if (_random.Next(_settings.Workers) == 0)
            {
                _scheduler.Pause(_times.MemberDetection + (2 * _queued * _times.CheckedJob));
            }

            _clock.After(_settings.RestartSeconds, () =>
            {
                worker.Free = _clock.Now;
                Poll(worker);
                PlanKill(worker);
            });
        });
    }

    private void Check()
    {
        _clock.After(_settings.CheckSeconds, Check);
        var running = _running;
        if (_settings.OneCallAtATime)
        {
            var chunks = (running + CheckedAtOnce - 1) / CheckedAtOnce;
            _scheduler.Enter(release => _clock.After((running * _times.CheckedJob) + (chunks * _times.Call), () =>
            {
                TakeBack();
                WriteQueue(release);
            }));
            return;
        }

        void Next(int left)
        {
            if (left > 0)
            {
                _scheduler.Enter(Math.Min(left, CheckedAtOnce) * _times.CheckedJob, () => _clock.After(_times.Call, () => Next(left - CheckedAtOnce)));
            }
            else
            {
                TakeBack();
                WriteQueue(static () => { });
            }
        }

        Next(running);
    }

    private void TakeBack()
    {
        foreach (var job in _silent.Where(job => _clock.Now - job.Heard > _settings.LeaseSeconds).ToList())
        {
            _silent.Remove(job);
            GiveUp(job);
        }
    }

    private void WriteQueue(Action written)
    {
        if (_endedUnwritten == 0 || (_endedUnwritten < _settings.QueueWriteShare * (_queued + _endedUnwritten) && _queued > 0))
        {
            written();
            return;
        }

        _endedUnwritten = 0;
        _writes++;

        _database.Enter(_times.WriteOccupation + ((_queued + _settings.Unfit) * _times.QueuedJob), () => _clock.After(Math.Max(0, _times.WriteLatency - _times.WriteOccupation), written));
    }

    private void Write(Action written)
    {
        _writes++;
        _database.Enter(_times.WriteOccupation, () => _clock.After(Math.Max(0, _times.WriteLatency - _times.WriteOccupation), written));
    }

    private void Move(double bytes, Action moved)
    {
        _bytes += bytes;
        if (bytes > 0)
        {
            _content.Enter(bytes / _times.ContentBytesPerSecond, () => _clock.After(bytes / _times.WorkerBytesPerSecond, moved));
        }
        else
        {
            moved();
        }
    }

    private static void IfStill(SimulatedWorker worker, int life, Action what)
    {
        if (worker.Lives == life)
        {
            what();
        }
    }

    private double Exponential(double perHour) => perHour > 0 ? -Math.Log(1 - _random.NextDouble()) * SecondsPerHour / perHour : double.PositiveInfinity;
}
