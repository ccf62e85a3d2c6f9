namespace IsVit.Detection.Coco;

/// <summary>Collects warnings, in the order in which each first arose.</summary>
internal sealed class WarningCounts
{
    private const int MaxIds = 5;

    private readonly List<string> _order = [];
    private readonly Dictionary<string, (int Count, List<long> Ids)> _counts = new(StringComparer.Ordinal);

    public void Add(string what, long id)
    {
        if (!_counts.TryGetValue(what, out var entry))
        {
            _order.Add(what);
            entry = (0, []);
        }

        if (entry.Ids.Count < MaxIds)
        {
            entry.Ids.Add(id);
        }

        _counts[what] = (entry.Count + 1, entry.Ids);
    }

    public IReadOnlyList<CocoWarning> ToList() => [.. _order.Select(what => new CocoWarning(what, _counts[what].Count, _counts[what].Ids))];
}
