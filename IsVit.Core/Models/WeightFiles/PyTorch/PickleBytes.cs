namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>The bytes of a pickle, read one after the other.</summary>
/// <param name="bytes">What there is to read, which may go on after the pickle.</param>
/// <param name="fail">Makes the error of something that is expected and something else found.</param>
internal ref struct PickleBytes(ReadOnlySpan<byte> bytes, Func<string, string, Exception> fail)
{
    // Throws on invalid bytes instead of replacing them.
    private static readonly System.Text.UTF8Encoding Strict = new(false, true);

    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly Func<string, string, Exception> _fail = fail;

    /// <summary>How many were read.</summary>
    public int Position { get; private set; }

    /// <summary>The next byte.</summary>
    public byte Byte() => Take(1)[0];

    /// <summary>Some bytes.</summary>
    /// <param name="count">How many.</param>
    public ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)(_bytes.Length - Position))
        {
            throw _fail(FormattableString.Invariant($"{count} more bytes at byte {Position}"), FormattableString.Invariant($"{_bytes.Length - Position}"));
        }

        var taken = _bytes.Slice(Position, (int)count);
        Position += (int)count;
        return taken;
    }

    /// <summary>An integer without sign, lowest byte first.</summary>
    /// <param name="size">Its bytes, 1 to 8.</param>
    public ulong Unsigned(int size)
    {
        var value = 0UL;
        var taken = Take((ulong)size);
        for (var i = size - 1; i >= 0; i--)
        {
            value = (value << 8) | taken[i];
        }

        return value;
    }

    /// <summary>A text in UTF-8.</summary>
    /// <param name="length">Its bytes.</param>
    public string Text(ulong length) => Decode(Take(length));

    /// <summary>A text up to the end of the line.</summary>
    public string Line()
    {
        var length = _bytes[Position..].IndexOf((byte)'\n');
        if (length is < 0 or > 1000)
        {
            throw _fail("a name of at most 1000 bytes and the end of its line", "a longer one");
        }

        var text = Text((ulong)length);
        Position++;
        return text;
    }

    private readonly string Decode(ReadOnlySpan<byte> text)
    {
        try
        {
            return Strict.GetString(text);
        }
        catch (System.Text.DecoderFallbackException)
        {
            throw _fail("a text in UTF-8", "other bytes");
        }
    }
}
