namespace IsVit.Detection.Masks;

/// <summary>Collects, in ascending order, the positions where a mask changes between zeros and ones; two changes at one position cancel.</summary>
internal readonly struct EdgeList(int capacity)
{
    private readonly List<int> _edges = new(capacity);

    public void Toggle(int position)
    {
        if (_edges.Count > 0 && _edges[^1] == position)
        {
            _edges.RemoveAt(_edges.Count - 1);
        }
        else
        {
            _edges.Add(position);
        }
    }

    /// <summary>The edges: the last run of ones, if none ends it, ends with the mask.</summary>
    public int[] Close(int end)
    {
        if (_edges.Count % 2 == 1)
        {
            Toggle(end);
        }

        return [.. _edges];
    }
}
