using System.Text;
using System.Text.Json;

namespace IsVit.Detection.Coco;

/// <summary>Reads JSON from a stream token by token, through a buffer that need not hold more than a token, so that the size of a file does not matter.</summary>
internal ref struct CocoJson
{
    private const int MaxShown = 100;

    private readonly Stream _stream;
    private readonly string? _path;
    private byte[] _buffer;
    private int _begin;
    private int _filled;
    private bool _isLast;
    private Utf8JsonReader _reader;

    public CocoJson(Stream stream, string? path, int bufferSize)
    {
        _stream = stream;
        _path = path;
        _buffer = new byte[bufferSize];
        while (_filled < Encoding.UTF8.Preamble.Length && !_isLast)
        {
            Fill();
        }

        _begin = _buffer.AsSpan(0, _filled).StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
        _reader = new Utf8JsonReader(_buffer.AsSpan(_begin, _filled - _begin), _isLast, default);
    }

    public readonly JsonTokenType Token => _reader.TokenType;

    public readonly int Depth => _reader.CurrentDepth;

    /// <summary>Goes to the next token; false at the end of the file.</summary>
    public bool Read()
    {
        try
        {
            while (!_reader.Read())
            {
                if (_isLast)
                {
                    return false;
                }

                Refill();
            }

            return true;
        }
        catch (JsonException e)
        {
            throw new CocoException(_path, null, "JSON", $"something else: {e.Message.TrimEnd('.')}", innerException: e);
        }
    }

    /// <summary>Within an object: goes to the value of the next member; false at the end.</summary>
    public bool ReadMember(out string name)
    {
        Read();
        name = Token == JsonTokenType.PropertyName ? Text() : string.Empty;
        return Token == JsonTokenType.PropertyName && Read();
    }

    /// <summary>Within an array: goes to the next element; false at the end.</summary>
    public bool ReadElement() => Read() && Token != JsonTokenType.EndArray;

    /// <summary>Goes to the last token of a value.</summary>
    public void Skip()
    {
        if (Token is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            SkipTo(Depth);
        }
    }

    /// <summary>Goes to the end of the object or array around at a depth, if it is within one.</summary>
    public void SkipTo(int depth)
    {
        while ((Depth > depth || Token is JsonTokenType.StartObject or JsonTokenType.StartArray) && Read())
        {
        }
    }

    /// <summary>A number that is finite.</summary>
    public readonly double Double(string name)
    {
        Require(Token == JsonTokenType.Number, $"a number as {name}");
        var number = _reader.GetDouble();
        Require(double.IsFinite(number), $"a number of at most 1.8e308 as {name}");
        return number;
    }

    /// <summary>A whole number, be it written as 3 or as 3.0.</summary>
    public readonly long Whole(string name)
    {
        Require(Token == JsonTokenType.Number, $"a whole number as {name}");
        if (_reader.TryGetInt64(out var number))
        {
            return number;
        }

        var real = _reader.GetDouble();
        Require(Math.Abs(real) < 1L << 53 && Math.Floor(real) == real, $"a whole number as {name}");
        return (long)real;
    }

    public readonly string Text()
    {
        try
        {
            return _reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw new CocoException(_path, null, "texts in UTF-8", $"something else: {e.Message.TrimEnd('.')}", innerException: e);
        }
    }

    /// <summary>A text; null for a value of another kind, which is skipped.</summary>
    public string? TextOrNull()
    {
        if (Token == JsonTokenType.String)
        {
            return Text();
        }

        Skip();
        return null;
    }

    public readonly void Require(bool condition, string expected)
    {
        if (!condition)
        {
            throw new CocoEntryException(expected, Describe());
        }
    }

    public readonly string Describe() => Token switch
    {
        JsonTokenType.Number => $"the number {Encoding.UTF8.GetString(_reader.ValueSpan[..Math.Min(_reader.ValueSpan.Length, MaxShown)])}",
        JsonTokenType.String => _reader.ValueSpan.Length <= MaxShown ? $"the text '{Text()}'" : "a long text",
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.EndArray => "the end of the array",
        JsonTokenType.True => "true",
        JsonTokenType.False => "false",
        JsonTokenType.Null => "null",
        _ => "nothing",
    };

    // Keeps what the reader has not taken, and adds to it.
    private void Refill()
    {
        _begin += (int)_reader.BytesConsumed;
        if (_begin > 0)
        {
            _buffer.AsSpan(_begin, _filled - _begin).CopyTo(_buffer);
            (_begin, _filled) = (0, _filled - _begin);
        }
        else if (_filled == _buffer.Length)
        {
            if (_buffer.Length > Array.MaxLength / 2)
            {
                throw new CocoException(_path, null, FormattableString.Invariant($"texts of less than {Array.MaxLength / 2} bytes"), "a longer one");
            }

            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        Fill();
        _reader = new Utf8JsonReader(_buffer.AsSpan(0, _filled), _isLast, _reader.CurrentState);
    }

    private void Fill()
    {
        try
        {
            var count = _stream.Read(_buffer.AsSpan(_filled));
            _filled += count;
            _isLast = count == 0;
        }
        catch (IOException e)
        {
            throw new CocoException(_path, null, "a file that can be read", e.Message.TrimEnd('.'), innerException: e);
        }
    }
}
