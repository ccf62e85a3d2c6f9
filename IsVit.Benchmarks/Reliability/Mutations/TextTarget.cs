namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Files of text.</summary>
/// <param name="name">The name that they are written under.</param>
/// <param name="read">Reads one by its path, and looks at what was read.</param>
/// <param name="whole">Whole ones.</param>
internal sealed class TextTarget(string name, Action<string> read, params IReadOnlyList<byte[]> whole) : Target
{
    // Of files of some hundred bytes.
    private const long MostAsked = 8 << 20;

    /// <summary>Files that must be there, by name; their folder is that of the text.</summary>
    public IReadOnlyDictionary<string, byte[]> Beside
    {
        init
        {
            foreach (var (file, content) in value)
            {
                Write(file, content);
            }
        }
    }

    /// <summary>Errors that say so besides those of the library.</summary>
    public Func<Exception, bool> AlsoRefuses { get; init; } = static _ => false;

    /// <summary>Whether it is bytes rather than text.</summary>
    public bool IsBinary { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Whole { get; } = whole;

    /// <inheritdoc/>
    public override byte[] Damage(int which, Random random, out bool isSealed)
    {
        isSealed = false;
        return IsBinary ? ByteDamage.Of(Whole[which], random) : TextDamage.Of(Whole[which], random);
    }

    /// <inheritdoc/>
    public override void Read(byte[] file, int which, bool isSealed) => read(Write(name, file));

    /// <inheritdoc/>
    public override bool Refuses(Exception error) => base.Refuses(error) || AlsoRefuses(error);

    /// <inheritdoc/>
    public override long MostAllocated(long length, int which) => MostAsked + (100 * length);
}
