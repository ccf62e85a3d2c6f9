using IsVit.Core.Graph;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Optimization.Reconstruction;

/// <summary>One module whose product is computed in bfloat16 while it is switched on: operands are rounded on their way in, the result widened on its way out. Gradients flow to the float weight.</summary>
internal sealed class NarrowProduct : IDisposable
{
    private const ScalarType Narrow = ScalarType.BFloat16;
    private readonly nn.Module _module;
    private readonly List<Action> _removals = [];
    private WeightInUse? _weight;
    private ScalarType _type;

    private NarrowProduct(nn.Module module) => _module = module;

    public bool IsOn { get; set; }

    /// <summary>Hooks into a module that is a product; null if it is none.</summary>
    /// <param name="module">The module.</param>
    /// <param name="isProduct">Whether it is the product of two activations, if it takes two.</param>
    public static NarrowProduct? TryHook(nn.Module module, bool isProduct)
    {
        var product = new NarrowProduct(module);
        switch (module)
        {
            case nn.Module<Tensor, Tensor> layer when SiteWeights.HasWeight(module):
                product._removals.Add(layer.register_forward_pre_hook((_, x) => product.Enter(x)).remove);
                product._removals.Add(layer.register_forward_hook((_, _, y) => product.Leave(y)).remove);
                return product;
            case nn.Module<Tensor, Tensor, Tensor> pair when isProduct:
                product._removals.Add(pair.register_forward_pre_hook((_, a, b) => product.Enter(a, b)).remove);
                product._removals.Add(pair.register_forward_hook((_, _, _, y) => product.Leave(y)).remove);
                return product;
            default:
                return null;
        }
    }

    public void Dispose()
    {
        _removals.ForEach(static remove => remove());
        _removals.Clear();
        Restore();
    }

    private Tensor Enter(Tensor x)
    {
        // An exception in the forward before this one skipped Leave.
        Restore();
        if (!IsOn)
        {
            return x;
        }

        _type = x.dtype;
        _weight = new WeightInUse(_module, Narrow);
        return x.to(Narrow);
    }

    private (Tensor, Tensor)? Enter(Tensor left, Tensor right)
    {
        if (!IsOn)
        {
            return null;
        }

        _type = left.dtype;
        return (left.to(Narrow), right.to(Narrow));
    }

    private Tensor Leave(Tensor y)
    {
        Restore();
        return IsOn ? y.to(_type) : y;
    }

    private void Restore()
    {
        _weight?.Restore();
        _weight = null;
    }

    /// <summary>A layer's weight and bias, rounded, in place of those that stood there.</summary>
    private sealed class WeightInUse
    {
        private readonly nn.Module _module;
        private readonly (Parameter Before, Parameter Narrow) _weight;
        private readonly (Parameter Before, Parameter Narrow)? _bias;

        public WeightInUse(nn.Module module, ScalarType type)
        {
            _module = module;
            var weight = ModuleWeight.InUse(module);
            _weight = (weight, Rounded(weight, type));
            ModuleWeight.Put(module, _weight.Narrow);
            if (ModuleWeight.Bias(module) is { } bias)
            {
                _bias = (bias, Rounded(bias, type));
                ModuleWeight.PutBias(module, _bias.Value.Narrow);
            }
        }

        public void Restore()
        {
            // The quantizers' hooks may have put the float weight back already.
            if (ReferenceEquals(ModuleWeight.InUse(_module), _weight.Narrow))
            {
                ModuleWeight.Put(_module, _weight.Before);
            }

            _weight.Narrow.Dispose();
            if (_bias is { } bias)
            {
                ModuleWeight.PutBias(_module, bias.Before);
                bias.Narrow.Dispose();
            }
        }

        private static Parameter Rounded(Parameter parameter, ScalarType type)
        {
            var rounded = parameter.to(type);
            return new Parameter(rounded, rounded.requires_grad);
        }
    }
}
