using IsVit.Model;
using IsVit.Runtime;
using IsVit.Tests.Runtime;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Saved quantized models, read by the runtime.</summary>
internal sealed class RuntimeTarget : Target
{
    // What loads differ by from run to run: caches, and tables that grow.
    private const long Slack = 1 << 16;

    private readonly ModelFileDamage _damage;
    private readonly float[] _image;
    private readonly float[] _outputs;
    private readonly long _allocated;
    private int _count;

    public RuntimeTarget(byte[] whole)
    {
        (Whole, _damage) = ([whole], new ModelFileDamage(whole));
        for (var i = 0; i < 3; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Load(whole);
            _allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        var model = Load(whole);
        var random = new Random(3);
        _image = [.. Enumerable.Range(0, model.InputLength).Select(_ => (float)(random.NextDouble() - 0.5))];
        _outputs = model.Predict(_image);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Whole { get; }

    /// <inheritdoc/>
    public override byte[] Damage(int which, Random random, out bool isSealed) => _damage.Of(random, out _, out isSealed);

    /// <inheritdoc/>
    public override void Read(byte[] file, int which, bool isSealed)
    {
        var model = Load(file);

        // A prediction takes longer than everything else.
        if (!isSealed || _count++ % 4 == 0)
        {
            var outputs = model.Predict(model.InputLength == _image.Length ? _image : new float[model.InputLength]);
            if (!isSealed && !outputs.AsSpan().SequenceEqual(_outputs))
            {
                throw new WrongLoadException("other outputs than those of the model that was saved");
            }
        }
    }

    /// <inheritdoc/>
    public override bool Refuses(Exception error) => error is IsVitException;

    /// <inheritdoc/>
    public override long MostAllocated(long length, int which) => _allocated + Slack + (4 * length);

    private RuntimeModel Load(byte[] file) => RuntimeModel.Load(Write("damaged.safetensors", file), new() { MaxDegreeOfParallelism = 1 });
}
