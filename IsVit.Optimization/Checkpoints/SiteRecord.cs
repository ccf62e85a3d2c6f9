using IsVit.Core.Graph;

namespace IsVit.Optimization.Checkpoints;

/// <summary>A site as a saved model lists it; with its weight's shape where it has one.</summary>
internal sealed record SiteRecord(string Path, SiteOperand Operand, SiteRole Role, string? Producer, int Quantizer, IReadOnlyList<long>? Shape = null)
{
    public Site ToSite() => new(Path, Operand, Role, Producer);
}

/// <summary>A quantizer as a saved model lists it. Parameters of one entry stand here, longer ones are tensors.</summary>
internal sealed record QuantizerRecord(string Scheme, int Bits, string Granularity, Dictionary<string, string> Options, Dictionary<string, double>? Values = null);
