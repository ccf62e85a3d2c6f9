using System.Globalization;
using IsVit.Core.Arithmetic;
using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>The parameters of a module that libtorch runs as a whole, on their way into modules of this library.</summary>
internal sealed class NativeParameters
{
    private const double Tolerance = 1e-3;

    private readonly string _argument;
    private readonly torch.nn.Module _source;
    private readonly Dictionary<string, Parameter> _parameters;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    /// <summary>Looks at a module.</summary>
    /// <param name="argument">The name of the caller's argument that holds it.</param>
    /// <param name="source">The module.</param>
    public NativeParameters(string argument, torch.nn.Module source)
    {
        (_argument, _source) = (argument, source);
        _parameters = source.named_parameters().ToDictionary(static entry => entry.name, static entry => entry.parameter, StringComparer.Ordinal);
    }

    public bool Has(string name) => _parameters.ContainsKey(name);

    public Parameter Get(string name)
    {
        _used.Add(name);
        return _parameters.TryGetValue(name, out var parameter)
            ? parameter
            : throw new ArgumentException($"A {_source.GetType().Name} without '{name}' cannot be copied; it has {string.Join(", ", _parameters.Keys.Order(StringComparer.Ordinal))}.", _argument);
    }

    /// <summary>Gives a layer a weight, and a bias if it has one, with their type and device.</summary>
    /// <param name="prefix">What stands before <c>weight</c> and <c>bias</c>.</param>
    /// <param name="layer">The layer.</param>
    public void Copy(string prefix, torch.nn.Module layer)
    {
        using var noGrad = torch.no_grad();
        var weight = Get($"{prefix}weight");
        layer.to(weight.dtype).to(weight.device);
        foreach (var (name, parameter) in layer.named_parameters())
        {
            parameter.copy_(Get(prefix + name));
        }
    }

    /// <summary>A parameter left over does something that the copy does not.</summary>
    public void RequireAllUsed()
    {
        string[] left = [.. _parameters.Keys.Where(name => !_used.Contains(name)).Order(StringComparer.Ordinal)];
        if (left.Length > 0)
        {
            throw new ArgumentException($"A {_source.GetType().Name} with {string.Join(", ", left)} cannot be copied.", _argument);
        }
    }

    /// <summary>Runs the module and its copy on the same numbers.</summary>
    /// <param name="copy">The copy; it gets the module's mode.</param>
    /// <param name="width">The width of a token.</param>
    /// <param name="original">What the module gives, without dropout.</param>
    /// <param name="told">What the caller said of the module, for the message.</param>
    public void RequireSame(torch.nn.Module<torch.Tensor, torch.Tensor> copy, int width, Func<torch.Tensor, torch.Tensor> original, string told)
    {
        using var noGrad = torch.no_grad();
        using var scope = torch.NewDisposeScope();
        var first = _parameters.Values.First();
        var mode = _source.training;
        _source.eval();
        copy.eval();
        try
        {
            // Any numbers that differ from each other will do; random ones would move the caller's generator.
            var x = torch.tensor([.. Enumerable.Range(0, 3 * 2 * width).Select(static i => Math.Sin(0.7 * i))]).view(3, 2, width).to(first.dtype).to(first.device);
            var (wanted, given) = (original(x).to(torch.float64), copy.call(x).to(torch.float64));
            var difference = ((wanted - given).Squared().sum() / wanted.Squared().sum()).sqrt().item<double>();

            // 16-bit numbers differ by more than that between one order of adding and another.
            var allowed = first.element_size() < sizeof(float) ? 30 * Tolerance : Tolerance;
            if (!(difference <= allowed))
            {
                copy.Dispose();
                throw new ArgumentException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"The {_source.GetType().Name} gives something else than its copy: the difference is {difference:G2} of what it gives, expected at most {allowed:G2}. Most likely {told} is not what it was made with."), _argument);
            }
        }
        finally
        {
            _source.train(mode);
        }

        copy.train(mode);
    }
}
