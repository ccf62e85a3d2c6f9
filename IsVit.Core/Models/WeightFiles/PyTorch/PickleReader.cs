using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using IsVit.Model.Files;

namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>
/// Reads Python's pickles (PEP 307, PEP 3154) of tensors and plain values. A pickle is a program; this reader knows the instructions that make containers, numbers and texts, and of the names
/// (<see cref="PickleGlobal"/>) that a program may call only a short list, each of which stands for a value that is made here. Nothing is imported, looked up or called; every other instruction or name is an error.
/// </summary>
/// <param name="path">The file, for messages.</param>
internal sealed class PickleReader(string path)
{
    private const int MaxRank = 64;

    // What stands for no value.
    private static readonly object Nothing = new();

    private readonly Dictionary<string, TorchStorage> _storages = new(StringComparer.Ordinal);
    private PickleStack _stack = null!;

    /// <summary>The storages that the pickles named.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => _storages;

    /// <summary>Reads one pickle.</summary>
    /// <param name="bytes">What begins with it.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <returns>Its value: null, <see cref="bool"/>, <see cref="BigInteger"/>, <see cref="double"/>, <see cref="string"/>, bytes, <see cref="List{T}"/>, array (a tuple), <see cref="PickleDictionary"/>, <see cref="TorchTensor"/>, or what is inert.</returns>
    /// <exception cref="WeightFileException">It is broken, or holds more than tensors and plain values.</exception>
    public object? Read(ReadOnlySpan<byte> bytes, out int length)
    {
        _stack = new PickleStack(Fail);
        var input = new PickleBytes(bytes, Fail);
        while (true)
        {
            var code = input.Byte();
            if (code == (byte)'.')
            {
                length = input.Position;
                return _stack.Single();
            }

            Do(code, ref input);
        }
    }

    private void Do(byte code, ref PickleBytes input)
    {
        var value = Value(code, ref input);
        if (!ReferenceEquals(value, Nothing))
        {
            _stack.Push(value);
            return;
        }

        switch (code)
        {
            case 0x80: Protocol(input.Byte()); break;
            case 0x95: _ = input.Unsigned(8); break;
            case (byte)'(': _stack.Mark(); break;
            case (byte)'0': _stack.Pop(); break;
            case (byte)'1': _stack.PopRow(); break;
            case (byte)'2': _stack.Push(_stack.Peek()); break;
            case (byte)'h': _stack.Recall((uint)input.Unsigned(1)); break;
            case (byte)'j': _stack.Recall((uint)input.Unsigned(4)); break;
            case (byte)'q': _stack.Remember((uint)input.Unsigned(1)); break;
            case (byte)'r': _stack.Remember((uint)input.Unsigned(4)); break;
            case 0x94: _stack.Remember(null); break;
            case (byte)'c': Global(input.Line(), input.Line()); break;
            default: Build(code); break;
        }
    }

    // The value that an instruction holds; Nothing where it is one of another kind.
    private static object? Value(byte code, ref PickleBytes input) => code switch
    {
        (byte)'N' => null,
        0x88 => true,
        0x89 => false,
        (byte)'J' => (BigInteger)(int)input.Unsigned(4),
        (byte)'K' => (BigInteger)input.Unsigned(1),
        (byte)'M' => (BigInteger)input.Unsigned(2),
        0x8a => new BigInteger(input.Take(input.Unsigned(1))),
        (byte)'G' => BinaryPrimitives.ReadDoubleBigEndian(input.Take(8)),
        (byte)'X' => input.Text(input.Unsigned(4)),
        0x8c => input.Text(input.Unsigned(1)),
        0x8d => input.Text(input.Unsigned(8)),
        (byte)'U' => Encoding.Latin1.GetString(input.Take(input.Unsigned(1))),
        (byte)'T' => Encoding.Latin1.GetString(input.Take(input.Unsigned(4))),
        (byte)'C' => input.Take(input.Unsigned(1)).ToArray(),
        (byte)'B' => input.Take(input.Unsigned(4)).ToArray(),
        0x8e => input.Take(input.Unsigned(8)).ToArray(),
        (byte)']' or 0x8f => new List<object?>(),
        (byte)')' => Array.Empty<object?>(),
        (byte)'}' => new PickleDictionary(),
        _ => Nothing,
    };

    private void Build(byte code)
    {
        switch (code)
        {
            case (byte)'l': _stack.Push(new List<object?>(_stack.PopRow())); break;
            case (byte)'a': Append([_stack.Pop()]); break;
            case (byte)'e' or 0x90: Append(_stack.PopRow()); break;
            case 0x91: _stack.Push(new List<object?>(_stack.PopRow())); break;
            case (byte)'t': _stack.Push(_stack.PopRow()); break;
            case 0x85 or 0x86 or 0x87: Tuple(code - 0x84); break;
            case (byte)'d': Fill(new PickleDictionary(), _stack.PopRow(), isNew: true); break;
            case (byte)'s': SetItem(); break;
            case (byte)'u': SetItems(); break;
            case 0x93: StackGlobal(); break;
            case (byte)'R': Call(_stack.Pop<object?[]>("a tuple of arguments"), _stack.Pop<PickleGlobal>("a name to be called")); break;
            case 0x81: New(_stack.Pop<object?[]>("a tuple of arguments"), _stack.Pop<PickleGlobal>("a type")); break;
            case (byte)'b': SetState(); break;
            case (byte)'Q': Storage(_stack.Pop()); break;
            default: throw Fail("instructions that make tensors, containers, numbers and texts", FormattableString.Invariant($"the instruction 0x{code:x2}{(code is > 0x20 and < 0x7f ? $" '{(char)code}'" : string.Empty)}, which is not needed for them"));
        }
    }

    private void Protocol(byte protocol)
    {
        if (protocol is < 2 or > 5)
        {
            throw Fail("a pickle of protocol 2 to 5", FormattableString.Invariant($"protocol {protocol}"));
        }
    }

    private void Global(string module, string name) => _stack.Push(PickleGlobal.Find(module, name)
        ?? throw Fail("tensors, containers and plain values", $"the name '{WeightFileException.Shortened($"{module}.{name}")}', which this reader neither imports nor calls"));

    private void StackGlobal()
    {
        var name = _stack.Pop<string>("a name");
        Global(_stack.Pop<string>("the name of a module"), name);
    }

    private void Append(object?[] items)
    {
        if (_stack.Peek() is not List<object?> list)
        {
            throw Fail("a list to append to", "another value");
        }

        list.AddRange(items);
    }

    private void Tuple(int count)
    {
        var items = new object?[count];
        for (var i = count - 1; i >= 0; i--)
        {
            items[i] = _stack.Pop();
        }

        _stack.Push(items);
    }

    private void SetItem()
    {
        var value = _stack.Pop();
        object?[] row = [_stack.Pop(), value];
        Fill(_stack.Peek() as PickleDictionary, row, isNew: false);
    }

    private void SetItems()
    {
        var row = _stack.PopRow();
        Fill(_stack.Peek() as PickleDictionary, row, isNew: false);
    }

    private void Fill(PickleDictionary? dictionary, object?[] row, bool isNew)
    {
        if (dictionary is null || row.Length % 2 != 0)
        {
            throw Fail("a dictionary, and as many values as keys", "something else");
        }

        for (var i = 0; i < row.Length; i += 2)
        {
            dictionary.Set(row[i], row[i + 1]);
        }

        if (isNew)
        {
            _stack.Push(dictionary);
        }
    }

    private void Call(object?[] arguments, PickleGlobal called) => _stack.Push((called.Kind, arguments) switch
    {
        (PickleGlobalKind.Dictionary, []) => new PickleDictionary(),
        (PickleGlobalKind.Dictionary, [PickleGlobal { Kind: PickleGlobalKind.Inert or PickleGlobalKind.Dictionary }]) => new PickleDictionary(),
        (PickleGlobalKind.Dictionary, [PickleDictionary copied]) => copied,
        (PickleGlobalKind.Dictionary, [List<object?> pairs]) => Pairs(pairs),
        (PickleGlobalKind.List, []) => new List<object?>(),
        (PickleGlobalKind.List, [List<object?> items]) => items,
        (PickleGlobalKind.Tuple, [object?[] items]) => items,
        (PickleGlobalKind.Bytes, [string text, "latin1" or "latin-1"]) => Encoding.Latin1.GetBytes(text),
        (PickleGlobalKind.Tensor, [TorchStorage storage, BigInteger offset, object?[] shape, object?[] strides, ..]) => Tensor(storage, offset, shape, strides),
        (PickleGlobalKind.Parameter, [TorchTensor tensor, ..]) => tensor,
        (PickleGlobalKind.Inert, _) => new PickleInert(called.Name),
        _ => throw Fail($"arguments that '{called.Name}' takes", FormattableString.Invariant($"{arguments.Length} of other types or number")),
    });

    private void New(object?[] arguments, PickleGlobal type) => _stack.Push(type.Kind switch
    {
        PickleGlobalKind.Dictionary when arguments.Length == 0 => new PickleDictionary(),
        PickleGlobalKind.Inert => new PickleInert(type.Name),
        _ => throw Fail("an object of a type that holds plain values", $"one of '{type.Name}'"),
    });

    // Attributes of a container or of an inert object: nobody reads them.
    private void SetState()
    {
        _stack.Pop();
        if (_stack.Peek() is not (PickleDictionary or PickleInert))
        {
            throw Fail("attributes of a dictionary", "attributes of another value");
        }
    }

    private PickleDictionary Pairs(List<object?> pairs)
    {
        var dictionary = new PickleDictionary();
        foreach (var pair in pairs)
        {
            var (key, value) = pair switch
            {
                object?[] { Length: 2 } both => (both[0], both[1]),
                List<object?> { Count: 2 } both => (both[0], both[1]),
                _ => throw Fail("pairs of a key and a value", "another value"),
            };
            dictionary.Set(key, value);
        }

        return dictionary;
    }

    private void Storage(object? id)
    {
        if (id is not object?[] parts || parts is not ["storage", PickleGlobal { Kind: PickleGlobalKind.Storage } type, string key, _, BigInteger count, ..] || (parts.Length > 5 && parts[5] is not null))
        {
            throw Fail("a storage of elements, by type, name, place and length", "something else");
        }

        var storage = new TorchStorage(key, type.ElementType!, Number(count, "the length of a storage"));
        if (_storages.TryAdd(key, storage) || _storages[key] == storage)
        {
            _stack.Push(_storages[key]);
            return;
        }

        throw Fail($"storage '{WeightFileException.Shortened(key)}' with one type and length", "two");
    }

    private TorchTensor Tensor(TorchStorage storage, BigInteger offset, object?[] shape, object?[] strides)
    {
        if (shape.Length != strides.Length || shape.Length > MaxRank)
        {
            throw Fail(FormattableString.Invariant($"a tensor of at most {MaxRank} axes with a stride for each"), FormattableString.Invariant($"{shape.Length} axes and {strides.Length} strides"));
        }

        var tensor = new TorchTensor(storage, Number(offset, "the first element of a tensor"), Numbers(shape, "a shape"), Numbers(strides, "strides"));
        var last = (Int128)tensor.Offset;
        for (var axis = 0; axis < shape.Length; axis++)
        {
            last += (Int128)(tensor.Shape[axis] - 1) * tensor.Strides[axis];
        }

        return tensor.Shape.Contains(0) || last < storage.Count
            ? tensor
            : throw Fail(FormattableString.Invariant($"a tensor within the {storage.Count} elements of its storage"), FormattableString.Invariant($"[{string.Join(", ", tensor.Shape)}] with the strides [{string.Join(", ", tensor.Strides)}] from element {tensor.Offset}"));
    }

    private long[] Numbers(object?[] values, string what) => [.. values.Select(value => value is BigInteger number ? Number(number, what) : throw Fail($"whole numbers in {what}", "another value"))];

    private long Number(BigInteger value, string what) => value >= 0 && value <= int.MaxValue * 1024L
        ? (long)value
        : throw Fail($"a number of 0 to {int.MaxValue * 1024L} in {what}", WeightFileException.Shortened(value.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    private WeightFileException Fail(string expected, string found) => new(path, null, $"{expected} in PyTorch's pickle", found);
}
