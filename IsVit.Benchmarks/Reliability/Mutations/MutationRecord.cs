using System.IO.MemoryMappedFiles;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>How far the reading of damaged files is, in a file that outlives the process that does it.</summary>
internal sealed class MutationRecord : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public MutationRecord(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, sizeof(long) * Fields);
        _view = _file.CreateViewAccessor();
    }

    private const int Fields = 16;

    /// <summary>The mutation that is being read.</summary>
    public long Current { get => this[0]; set => this[0] = value; }

    /// <summary>How many were read whole.</summary>
    public long Loaded { get => this[1]; set => this[1] = value; }

    /// <summary>How many were refused.</summary>
    public long Refused { get => this[2]; set => this[2] = value; }

    /// <summary>How many had a result that they must not have.</summary>
    public long Faults { get => this[3]; set => this[3] = value; }

    /// <summary>The longest time of one, in microseconds.</summary>
    public long Slowest { get => this[4]; set => this[4] = value; }

    /// <summary>The most managed memory that one asked for, in bytes.</summary>
    public long Allocated { get => this[5]; set => this[5] = value; }

    /// <summary>The most resident memory, in bytes.</summary>
    public long Resident { get => this[6]; set => this[6] = value; }

    /// <summary>Whether the process has its whole files, and reads damaged ones: 1, or 0.</summary>
    public long IsReady { get => this[7]; set => this[7] = value; }

    private long this[int field]
    {
        get => _view.ReadInt64(field * sizeof(long));
        set => _view.Write(field * sizeof(long), value);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
