using System.IO.MemoryMappedFiles;

namespace IsVit.Model.Files;

/// <summary>A file's bytes, mapped into memory for reading: nothing is read before it is touched.</summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private byte* _start;
    private bool _disposed;

    private MappedFile(FileStream stream)
    {
        _stream = stream;
        FilePath = stream.Name;
        Length = stream.Length;
        if (Length > 0)
        {
            _map = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            _view = _map.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
            _start += _view.PointerOffset;
        }
    }

    public string FilePath { get; }

    public long Length { get; }

    public static MappedFile Open(string path)
    {
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
        try
        {
            return new MappedFile(stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    public ReadOnlySpan<byte> Slice(long offset, long length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new ReadOnlySpan<byte>(_start + offset, checked((int)length));
    }

    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        _start = null;
        _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _map?.Dispose();
        _stream.Dispose();
    }

    /// <summary>Throws if the file is shorter than it was: touching mapped bytes that it no longer has would end the process.</summary>
    /// <param name="tensorName">What is about to be read.</param>
    /// <exception cref="WeightFileException">It is.</exception>
    public void RequireNotShortened(string tensorName)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var length = RandomAccess.GetLength(_stream.SafeFileHandle);
        if (length < Length)
        {
            throw new WeightFileException(FilePath, tensorName, $"the {Length} bytes that the file had when it was opened", FormattableString.Invariant($"{length} bytes"));
        }
    }
}
