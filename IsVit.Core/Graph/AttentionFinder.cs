using IsVit.Model.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>Writes out declared attentions, one for each place that their patterns fit, and checks that the layers have such heads.</summary>
internal sealed class AttentionFinder
{
    private readonly Dictionary<string, nn.Module> _modules;
    private readonly Func<string, bool> _isIgnored;

    public AttentionFinder(Dictionary<string, nn.Module> modules, Func<string, bool> isIgnored)
    {
        _modules = modules;
        _isIgnored = isIgnored;
    }

    /// <summary>The attentions none of whose layers is ignored, in the order of the declarations and the modules.</summary>
    public List<AttentionDeclaration> Find(IEnumerable<AttentionDeclaration> declarations)
    {
        var found = new List<AttentionDeclaration>();
        foreach (var declared in declarations)
        {
            RequireWhole(declared);
            var first = new PathPattern((declared.Query ?? declared.Value)!.Layer);
            var paths = _modules.Keys.Where(path => path.Length > 0 && first.IsMatch(path)).ToList();
            if (paths.Count == 0)
            {
                throw new QuantizationException(
                    $"An attention is declared whose first layer is '{first}', but no module fits. The graph's linear layers are {string.Join(", ", _modules.Where(static entry => entry.Value is Linear).Select(static entry => entry.Key).Take(40))}.");
            }

            foreach (var attention in paths.Select(path => Place(declared, first, path)))
            {
                if (!Layers(attention).Any(_isIgnored))
                {
                    RequireToFit(attention);
                    found.Add(attention);
                }
            }
        }

        return found;
    }

    private static AttentionDeclaration Place(AttentionDeclaration declared, PathPattern first, string path)
    {
        HeadRows? At(HeadRows? rows) => rows is null ? null : rows with { Layer = first.Substitute(path, rows.Layer) };
        return declared with
        {
            Query = At(declared.Query),
            Key = At(declared.Key),
            Value = At(declared.Value),
            Output = declared.Output is null ? null : first.Substitute(path, declared.Output),
        };
    }

    private static IEnumerable<(string Name, HeadRows Rows)> Operands(AttentionDeclaration attention)
    {
        (string Name, HeadRows? Rows)[] all =
        [
            (nameof(attention.Query), attention.Query),
            (nameof(attention.Key), attention.Key),
            (nameof(attention.Value), attention.Value),
        ];
        return all.Where(static entry => entry.Rows is not null).Select(static entry => (entry.Name, entry.Rows!));
    }

    private static IEnumerable<string> Layers(AttentionDeclaration attention) =>
        Operands(attention).Select(static operand => operand.Rows.Layer).Concat(attention.Output is null ? [] : [attention.Output]).Distinct(StringComparer.Ordinal);

    private static void RequireWhole(AttentionDeclaration declared)
    {
        if ((declared.Query is null) != (declared.Key is null) || (declared.Value is null) != (declared.Output is null) || (declared.Query ?? declared.Value) is null)
        {
            var given = Operands(declared).Select(static operand => operand.Name).Concat(declared.Output is null ? [] : [nameof(declared.Output)]).ToList();
            throw new QuantizationException(
                $"An attention is declared with {(given.Count == 0 ? "no layer" : string.Join(", ", given) + " only")}; expected {nameof(declared.Query)} and {nameof(declared.Key)}, {nameof(declared.Value)} and {nameof(declared.Output)}, or all four.");
        }

        var name = (declared.Query ?? declared.Value)!.Layer;
        if (declared.HeadCount < 1)
        {
            throw new QuantizationException(FormattableString.Invariant($"The attention declared at '{name}' has {declared.HeadCount} heads; expected at least 1."));
        }

        foreach (var (operand, rows) in Operands(declared))
        {
            if (rows.Width < 1 || rows.Start < 0 || rows.Stride < rows.Width)
            {
                throw new QuantizationException(
                    FormattableString.Invariant($"The attention declared at '{name}' has a {operand} of width {rows.Width} from {rows.Start} with stride {rows.Stride ?? rows.Width}; expected a width of at least 1, a start of at least 0 and a stride no smaller than the width."));
            }
        }

        if (declared.Query is { } query && declared.Key is { } key && query.Width != key.Width)
        {
            throw new QuantizationException(FormattableString.Invariant($"The attention declared at '{name}' has queries of width {query.Width} and keys of width {key.Width}; expected equal widths."));
        }
    }

    private void RequireToFit(AttentionDeclaration attention)
    {
        var name = Operands(attention).First().Rows.Layer;
        foreach (var path in Layers(attention))
        {
            if (!_modules.TryGetValue(path, out var module) || module is not Linear)
            {
                throw new QuantizationException(
                    $"The attention declared at '{name}' names '{path}', which is {(module is null ? "no module of the graph" : $"a {module.GetName()}")}; expected a linear layer.");
            }
        }

        var taken = new Dictionary<(string Layer, long Row), string>();
        foreach (var (operand, rows) in Operands(attention))
        {
            var outputs = Weight(rows.Layer).shape[0];
            var end = rows.FirstOf(attention.HeadCount - 1) + rows.Width;
            if (end > outputs)
            {
                throw new QuantizationException(
                    FormattableString.Invariant($"The attention declared at '{name}' has a {operand} of {attention.HeadCount} heads that ends at output {end} of '{rows.Layer}', which has {outputs}."));
            }

            for (var head = 0; head < attention.HeadCount; head++)
            {
                for (var row = 0; row < rows.Width; row++)
                {
                    if (!taken.TryAdd((rows.Layer, rows.FirstOf(head) + row), operand))
                    {
                        throw new QuantizationException(
                            FormattableString.Invariant($"The attention declared at '{name}' takes output {rows.FirstOf(head) + row} of '{rows.Layer}' both for {taken[(rows.Layer, rows.FirstOf(head) + row)]} and for {operand}; expected outputs of their own."));
                    }
                }
            }
        }

        if (attention is { Output: { } output, Value: { } value } && Weight(output).shape[1] is var inputs && inputs != (long)attention.HeadCount * value.Width)
        {
            throw new QuantizationException(
                FormattableString.Invariant($"The attention declared at '{name}' hands {attention.HeadCount} heads of width {value.Width} to '{output}', which has {inputs} inputs; expected {attention.HeadCount * value.Width}."));
        }
    }

    private Parameter Weight(string path) => ((Linear)_modules[path]).weight;
}
