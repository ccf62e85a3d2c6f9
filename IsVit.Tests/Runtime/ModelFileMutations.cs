using IsVit.Model;
using IsVit.Runtime;

namespace IsVit.Tests.Runtime;

/// <summary>Damages saved models, in every other case with checksums that fit the damage, and sees how they load.</summary>
internal sealed class ModelFileMutations
{
    // What the loading of a whole file of the same kind may differ by from run to run: caches, and tables that grow.
    private const long Slack = 1 << 16;

    private readonly Random _random;
    private readonly ModelFileDamage _damage;
    private readonly string _path;
    private readonly long _allocated;

    /// <summary>Loads the whole file once.</summary>
    /// <param name="whole">The file's content.</param>
    /// <param name="path">Where damaged files are written.</param>
    /// <param name="seed">The seed of the damage.</param>
    public ModelFileMutations(byte[] whole, string path, int seed)
    {
        (_damage, _path, _random) = (new ModelFileDamage(whole), path, new Random(seed));
        for (var i = 0; i < 3; i++)
        {
            File.WriteAllBytes(path, whole);
            var before = GC.GetAllocatedBytesForCurrentThread();
            RuntimeModel.Load(path, new() { MaxDegreeOfParallelism = 1 });
            _allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    /// <summary>How many damaged files had which outcome.</summary>
    public SortedDictionary<string, int> Outcomes { get; } = new(StringComparer.Ordinal);

    /// <summary>Damages the file and loads it.</summary>
    /// <returns>What is wrong with the outcome, or null if nothing is.</returns>
    public string? Try()
    {
        var file = _damage.Of(_random, out var how, out _);
        File.WriteAllBytes(_path, file);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var (outcome, fault) = ("loaded", (string?)null);
        RuntimeModel? model = null;
        try
        {
            model = RuntimeModel.Load(_path, new() { MaxDegreeOfParallelism = 1 });
        }
        catch (IsVitException e)
        {
            outcome = e.GetType().Name;
        }
        catch (Exception e)
        {
            (outcome, fault) = ("wrong", $"{how}: {e}");
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        if (allocated > _allocated + Slack + (4L * file.Length))
        {
            fault ??= FormattableString.Invariant($"{how}: {allocated} bytes were allocated for a file of {file.Length}, {outcome}");
        }

        // A prediction takes longer than everything else.
        if (model is not null && _random.Next(4) == 0)
        {
            try
            {
                model.Predict(new float[model.InputLength]);
            }
            catch (Exception e)
            {
                fault ??= $"{how}: loaded, but no prediction: {e}";
            }
        }

        Outcomes[outcome] = Outcomes.GetValueOrDefault(outcome) + 1;
        return fault;
    }
}
