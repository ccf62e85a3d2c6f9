using IsVit.Model;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>A kind of file that is read: whole files of it, how they are damaged, and how they are read.</summary>
internal abstract class Target : IDisposable
{
    /// <summary>Where damaged files are written.</summary>
    protected string Folder { get; } = Directory.CreateTempSubdirectory("isvit-mutations-").FullName;

    /// <summary>Whole files.</summary>
    public abstract IReadOnlyList<byte[]> Whole { get; }

    /// <summary>Damages one.</summary>
    /// <param name="which">The index of the whole file.</param>
    /// <param name="random">Chooses the damage.</param>
    /// <param name="isSealed">Whether checksums were made to fit; false also where the kind has none.</param>
    public virtual byte[] Damage(int which, Random random, out bool isSealed)
    {
        isSealed = false;
        return ByteDamage.Of(Whole[which], random);
    }

    /// <summary>Reads one, and looks at what was read.</summary>
    /// <param name="file">What the file holds.</param>
    /// <param name="which">The index of the whole file that it was.</param>
    /// <param name="isSealed">Whether checksums were made to fit.</param>
    /// <exception cref="WrongLoadException">What was read is not what the file says.</exception>
    public abstract void Read(byte[] file, int which, bool isSealed);

    /// <summary>Whether an error says that the file cannot be read, as a user can understand.</summary>
    /// <param name="error">The error.</param>
    public virtual bool Refuses(Exception error) => error is IsVitException;

    /// <summary>The most managed memory that reading may ask for, in bytes; the process has its own limit besides.</summary>
    /// <param name="length">The file's length.</param>
    /// <param name="which">The index of the whole file that it was.</param>
    public virtual long MostAllocated(long length, int which) => long.MaxValue;

    /// <inheritdoc/>
    public virtual void Dispose() => Directory.Delete(Folder, recursive: true);

    /// <summary>Writes a file to the folder.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="content">What it holds.</param>
    protected string Write(string name, ReadOnlySpan<byte> content)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
