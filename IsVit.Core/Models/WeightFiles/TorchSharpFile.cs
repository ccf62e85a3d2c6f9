using System.Text;
using IsVit.Model.Files;
using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>
/// A file that TorchSharp's <c>module.save</c> wrote: a count, then for each tensor its name, type code, rank, lengths (all integers in LEB128) and
/// raw bytes. Every statement is checked against the file when it is opened.
/// </summary>
internal sealed class TorchSharpFile : WeightFile
{
    internal TorchSharpFile(MappedFile file)
        : base(file, new Index(file).Read().ToDictionary(static tensor => tensor.Name, StringComparer.Ordinal), new Dictionary<string, string>())
    {
    }

    /// <inheritdoc/>
    public override string Format => "TorchSharp's module.save";

    private sealed class Index(MappedFile file)
    {
        private const int MaxRank = 64;
        private const int MaxNameBytes = 1 << 16;

        // Throws on invalid bytes instead of replacing them.
        private static readonly UTF8Encoding Strict = new(false, true);

        private long _position;

        public List<TensorEntry> Read()
        {
            // An entry is at least an empty name, a type and a rank.
            var count = Integer(null, "the number of tensors", (file.Length - 1) / 3);
            var tensors = new List<TensorEntry>();
            var names = new HashSet<string>(StringComparer.Ordinal);
            for (var i = 0L; i < count; i++)
            {
                var tensor = Entry(i);
                if (!names.Add(tensor.Name))
                {
                    throw new WeightFileException(file.FilePath, tensor.Name, "each name once", "it twice");
                }

                tensors.Add(tensor);
            }

            return _position == file.Length
                ? tensors
                : throw new WeightFileException(file.FilePath, null, FormattableString.Invariant($"the end of the file after {count} tensors at byte {_position}"), FormattableString.Invariant($"{file.Length - _position} bytes more"));
        }

        private TensorEntry Entry(long index)
        {
            var name = Name(index);
            var code = Integer(name, "a type code", sbyte.MaxValue);
            if (TorchElementTypes.Find((torch.ScalarType)code) is not { } typeName || !ElementType.TryFind(typeName, out var type))
            {
                throw new WeightFileException(file.FilePath, name, $"the type code of one of {TorchElementTypes.Names}", FormattableString.Invariant($"{code} ({(torch.ScalarType)code})"));
            }

            var shape = new long[Integer(name, "a number of dimensions", MaxRank)];
            for (var i = 0; i < shape.Length; i++)
            {
                shape[i] = Integer(name, "the length of a dimension", long.MaxValue);
            }

            var left = file.Length - _position;
            if (type.ByteCount(shape) is not { } bytes || bytes > left)
            {
                throw new WeightFileException(file.FilePath, name, FormattableString.Invariant($"{type.Name} [{string.Join(", ", shape)}] within the {left} bytes that are left"), "a larger one");
            }

            var info = new TensorEntry(name, type.Name, shape, _position, bytes);
            _position += bytes;
            return info;
        }

        private string Name(long index)
        {
            var length = Integer(null, FormattableString.Invariant($"the length of the name of tensor {index}"), Math.Min(MaxNameBytes, file.Length));
            if (length > file.Length - _position)
            {
                throw new WeightFileException(file.FilePath, null, FormattableString.Invariant($"a name of {length} bytes for tensor {index}"), FormattableString.Invariant($"{file.Length - _position} bytes left"));
            }

            try
            {
                var name = Strict.GetString(file.Slice(_position, length));
                _position += length;
                return name;
            }
            catch (DecoderFallbackException e)
            {
                throw new WeightFileException(file.FilePath, null, FormattableString.Invariant($"a name in UTF-8 for tensor {index}"), "other bytes", e);
            }
        }

        private long Integer(string? tensor, string what, long most)
        {
            var value = 0UL;
            for (var shift = 0; shift < 63; shift += 7)
            {
                if (_position >= file.Length)
                {
                    throw new WeightFileException(file.FilePath, tensor, what, "the end of the file");
                }

                var next = file.Slice(_position++, 1)[0];
                value |= (ulong)(next & 0x7f) << shift;
                if ((next & 0x80) == 0)
                {
                    return value <= (ulong)Math.Max(most, 0)
                        ? (long)value
                        : throw new WeightFileException(file.FilePath, tensor, FormattableString.Invariant($"{what} of at most {most} (safetensors or TorchSharp's format)"), $"{value}");
                }
            }

            throw new WeightFileException(file.FilePath, tensor, what, "an integer of more than 63 bits (the file is in neither safetensors nor TorchSharp's format)");
        }
    }
}
