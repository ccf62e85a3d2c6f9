
namespace IsVit.Model.Saved;

/// <summary>A site as the file lists it; with its weight's shape where it has one.</summary>
internal sealed record SiteRecord(string? Path, SiteOperand Operand, SiteRole Role, string? Producer, int Quantizer, IReadOnlyList<long>? Shape = null);

/// <summary>A quantizer as the file lists it. Parameters of one entry stand here, longer ones are tensors.</summary>
internal sealed record QuantizerRecord(string? Scheme, int Bits, string? Granularity, Dictionary<string, string>? Options, Dictionary<string, double>? Values = null);
