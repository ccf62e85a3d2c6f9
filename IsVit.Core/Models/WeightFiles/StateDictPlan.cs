using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>Which tensor of a source goes into which of a module, found before anything is copied.</summary>
internal sealed record StateDictPlan(IReadOnlyList<StateDictCopy> Copies, StateDictReport Report)
{
    /// <summary>Matches names, shapes and types.</summary>
    /// <param name="sourceName">Where the tensors come from, for messages.</param>
    /// <param name="module">Whose tensors they go into; it translates the source's names if it can.</param>
    /// <param name="source">The source's tensors.</param>
    /// <param name="options">How names are matched.</param>
    /// <exception cref="StateDictException">Something does not fit.</exception>
    public static StateDictPlan Make(string sourceName, torch.nn.Module module, IEnumerable<StateDictSource> source, StateDictLoadOptions options)
    {
        List<StateDictSource> all = [.. source];
        var match = StateDictMatch.Of(module, all, options);
        if (!match.Fits(options.Strict) && options.Prefix.Length == 0)
        {
            match = CustomaryPrefixes.Of([.. all.Select(static tensor => tensor.Name)])
                .Select(prefix => StateDictMatch.Of(module, all, options with { Prefix = prefix }))
                .FirstOrDefault(static other => other.Fits(strict: true)) ?? match;
        }

        return match.Fits(options.Strict)
            ? new StateDictPlan(match.Copies, match.Report)
            : throw new StateDictException(sourceName, match.Report.Missing, match.Report.Unexpected, match.Mismatched);
    }

    /// <summary>Copies everything, and lets the module bring it into its own order.</summary>
    /// <param name="module">The module.</param>
    /// <param name="read">Reads a tensor of the source.</param>
    /// <param name="readInto">Reads a tensor of the source into one of the same shape.</param>
    public void Do(torch.nn.Module module, Func<string, torch.Tensor> read, Action<string, torch.Tensor> readInto)
    {
        foreach (var copy in Copies)
        {
            copy.Do(module, read, readInto);
        }

        if (module is IStateDictNames own)
        {
            using var noGrad = torch.no_grad();
            foreach (var copy in Copies)
            {
                own.Reorder(copy.Source[Report.Prefix.Length..], copy.Target);
            }
        }
    }
}
