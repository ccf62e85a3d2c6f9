using IsVit.Core.Graph;
using static TorchSharp.torch;

namespace IsVit.Optimization.Drift;

/// <summary>Lets what every activation quantizer reads be counted, until disposed.</summary>
internal sealed class StatisticsScope : IDisposable
{
    private readonly IReadOnlyList<SiteBinding> _sites;
    private readonly List<SiteBinding> _read = [];
    private ActivationSums[] _sums;

    /// <exception cref="InvalidOperationException">Somebody else counts already.</exception>
    public StatisticsScope(IReadOnlyList<SiteBinding> sites)
    {
        _sites = sites;
        _sums = New();
        try
        {
            for (var i = 0; i < sites.Count; i++)
            {
                Attach(sites[i], i);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What was counted since the last call, in the order of the sites.</summary>
    public ActivationSums[] Take()
    {
        var taken = _sums;
        _sums = New();
        return taken;
    }

    public void Dispose()
    {
        _read.ForEach(static site => site.Reader = null);
        _read.Clear();
    }

    private void Attach(SiteBinding site, int index)
    {
        if (site.Reader is not null)
        {
            throw new InvalidOperationException($"What site '{site.Site.Id}' reads is being counted already: one comparison of a model at a time.");
        }

        _read.Add(site);
        site.Reader = x => Read(site, index, x);
    }

    // A model may run parts of itself on other threads.
    private void Read(SiteBinding site, int index, Tensor x)
    {
        var sums = _sums[index];
        lock (sums)
        {
            sums.Add(site.Quantizer, x);
        }
    }

    private ActivationSums[] New() => [.. _sites.Select(static site => new ActivationSums(site.Quantizer.Bits.CodeCount))];
}
