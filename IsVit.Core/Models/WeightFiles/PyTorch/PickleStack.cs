namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>The stack and the memo of a pickle that is being read.</summary>
/// <param name="fail">Makes the error of something that is expected and something else found.</param>
internal sealed class PickleStack(Func<string, string, Exception> fail)
{
    private const int MaxMarks = 1000;

    // A state dict of thousands of tensors has some hundred thousand; one byte of a pickle may make an object of a hundred.
    private const int MaxValues = 4_000_000;

    private readonly List<object?> _items = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _marks;
    private int _values;

    /// <summary>Puts a value on top.</summary>
    /// <param name="value">The value.</param>
    public void Push(object? value)
    {
        if (++_values > MaxValues)
        {
            throw fail($"at most {MaxValues} values", "more");
        }

        _items.Add(value);
    }

    /// <summary>Begins a row of items.</summary>
    public void Mark()
    {
        if (++_marks > MaxMarks)
        {
            throw fail($"at most {MaxMarks} containers in one another", "more");
        }

        _items.Add(PickleMark.Instance);
    }

    /// <summary>Takes the top.</summary>
    public object? Pop()
    {
        var top = Peek();
        _items.RemoveAt(_items.Count - 1);
        return top;
    }

    /// <summary>Takes the top, which is of a certain type.</summary>
    /// <typeparam name="T">The type.</typeparam>
    /// <param name="what">What is expected.</param>
    public T Pop<T>(string what) => Pop() is T value ? value : throw fail(what, "another value");

    /// <summary>The top.</summary>
    public object? Peek() => _items.Count == 0 ? throw fail("a value on the stack", "an empty one")
        : _items[^1] is PickleMark ? throw fail("a value on the stack", "a mark")
        : _items[^1];

    /// <summary>Takes everything down to the last mark, and the mark.</summary>
    public object?[] PopRow()
    {
        var mark = _items.LastIndexOf(PickleMark.Instance);
        if (mark < 0)
        {
            throw fail("a mark on the stack", "none");
        }

        object?[] row = [.. _items.Skip(mark + 1)];
        _items.RemoveRange(mark, _items.Count - mark);
        _marks--;
        return row;
    }

    /// <summary>The value that is left at the end.</summary>
    public object? Single()
    {
        var value = Pop();
        return _items.Count == 0 ? value : throw fail("one value at the end", FormattableString.Invariant($"{_items.Count + 1}"));
    }

    /// <summary>Remembers the top.</summary>
    /// <param name="index">Under this number; null for the next.</param>
    public void Remember(uint? index)
    {
        if (_memo.Count >= MaxValues)
        {
            throw fail($"at most {MaxValues} remembered values", "more");
        }

        _memo[index ?? (uint)_memo.Count] = Peek();
    }

    /// <summary>Puts what was remembered on top.</summary>
    /// <param name="index">Its number.</param>
    public void Recall(uint index) => Push(_memo.TryGetValue(index, out var value) ? value : throw fail($"a value that was remembered as {index}", "none"));
}
