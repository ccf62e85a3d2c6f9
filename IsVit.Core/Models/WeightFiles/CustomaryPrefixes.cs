namespace IsVit.Core.Models.WeightFiles;

/// <summary>The prefixes that training programs put before a model's names: PyTorch's DataParallel and <c>torch.compile</c>, Lightning, and programs whose model is a part of another one.</summary>
internal static class CustomaryPrefixes
{
    private static readonly string[] All = ["module.", "model.", "_orig_mod.", "backbone."];

    /// <summary>What all of some names begin with, made of these prefixes: the shortest first.</summary>
    /// <param name="names">The names.</param>
    public static IEnumerable<string> Of(IReadOnlyCollection<string> names)
    {
        var prefix = string.Empty;
        while (names.Count > 0 && All.FirstOrDefault(next => names.All(name => name.AsSpan(prefix.Length).StartsWith(next, StringComparison.Ordinal))) is { } found)
        {
            prefix += found;
            yield return prefix;
        }
    }
}
