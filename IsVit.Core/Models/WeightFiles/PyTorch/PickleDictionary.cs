namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>A dictionary of a pickle; of keys that are no texts only the number is kept.</summary>
internal sealed class PickleDictionary
{
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);
    private readonly List<KeyValuePair<string, object?>> _items = [];

    /// <summary>The items whose keys are texts, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, object?>> Items => _items;

    /// <summary>How many items have other keys.</summary>
    public int OtherCount { get; private set; }

    /// <summary>Adds an item, or replaces the value of a key.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    public void Set(object? key, object? value)
    {
        if (key is not string name)
        {
            OtherCount++;
        }
        else if (_index.TryAdd(name, _items.Count))
        {
            _items.Add(new(name, value));
        }
        else
        {
            _items[_index[name]] = new(name, value);
        }
    }

    /// <summary>The value of a key; null if there is none.</summary>
    /// <param name="key">The key.</param>
    public object? Find(string key) => _index.TryGetValue(key, out var at) ? _items[at].Value : null;
}
