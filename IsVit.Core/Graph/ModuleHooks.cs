using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>The hooks of one module: the boundary of a unit outermost, then its operands, then its weight.</summary>
internal sealed class ModuleHooks : IDisposable
{
    private readonly GraphAttachment _attachment;
    private readonly nn.Module _module;
    private readonly Unit? _unit;
    private readonly SiteBinding? _input;
    private readonly SiteBinding? _right;
    private readonly SiteBinding? _weight;
    private readonly SiteBinding? _output;
    private readonly List<Action> _removals = [];

    // The float weight, while a fake-quantized one stands in its place.
    private Parameter? _floatWeight;

    // Operands that stand in for the caller's, until the forward is done.
    private Tensor? _newInput;
    private Tensor? _newRight;

    private ModuleHooks(GraphAttachment attachment, nn.Module module, Unit? unit, IReadOnlyList<SiteBinding> bindings)
    {
        _attachment = attachment;
        _module = module;
        _unit = unit;
        _input = bindings.FirstOrDefault(static binding => binding.Site.Operand is SiteOperand.Input or SiteOperand.Left);
        _right = bindings.FirstOrDefault(static binding => binding.Site.Operand == SiteOperand.Right);
        _weight = bindings.FirstOrDefault(static binding => binding.Site.Operand == SiteOperand.Weight);
        _output = bindings.FirstOrDefault(static binding => binding.Site.Operand == SiteOperand.Output);
    }

    public static ModuleHooks Create(GraphAttachment attachment, nn.Module module, Unit? unit, IReadOnlyList<SiteBinding> bindings)
    {
        var hooks = new ModuleHooks(attachment, module, unit, bindings);
        switch (module)
        {
            case nn.Module<Tensor, Tensor> one:
                hooks._removals.Add(one.register_forward_pre_hook((_, x) => hooks.Before(x)).remove);
                hooks._removals.Add(one.register_forward_hook((_, _, y) => hooks.After(y)).remove);
                break;
            case nn.Module<Tensor, Tensor, Tensor> two:
                hooks._removals.Add(two.register_forward_pre_hook((_, a, b) => hooks.Before(a, b)).remove);
                hooks._removals.Add(two.register_forward_hook((_, _, _, y) => hooks.After(y)).remove);
                break;
            default:
                throw new ArgumentException($"A module of type {module.GetType()} takes neither one nor two tensors.", nameof(module));
        }

        return hooks;
    }

    public void Dispose()
    {
        _removals.ForEach(static remove => remove());
        _removals.Clear();
        Restore();
    }

    private Tensor Before(Tensor x)
    {
        if (_unit is not null)
        {
            Fiber.Current?.AtBoundary(_attachment, _unit, UnitBoundary.Input, x);
        }

        if (!_attachment.IsEnabled)
        {
            return x;
        }

        Restore();
        _newInput = _input?.Process(x);
        PutWeight();
        return _newInput ?? x;
    }

    private (Tensor, Tensor)? Before(Tensor left, Tensor right)
    {
        if (!_attachment.IsEnabled)
        {
            return null;
        }

        Restore();
        _newInput = _input?.Process(left);
        _newRight = _right?.Process(right);
        return (_newInput ?? left, _newRight ?? right);
    }

    private Tensor After(Tensor y)
    {
        Restore();
        if (_attachment.IsEnabled && _output?.Process(y) is { } quantized)
        {
            y = quantized;
        }

        if (_unit is not null)
        {
            Fiber.Current?.AtBoundary(_attachment, _unit, UnitBoundary.Output, y);
        }

        return y;
    }

    private void PutWeight()
    {
        if (_weight is null || _weight.State == SiteState.Off)
        {
            return;
        }

        var weight = ModuleWeight.Get(_module);
        if (_weight.Process(weight) is { } quantized)
        {
            var standIn = new Parameter(quantized, quantized.requires_grad);
            _floatWeight = weight;
            ModuleWeight.Put(_module, standIn);
        }
    }

    // Autograd keeps what it needs of the tensors that are let go here. Also called first in a forward, because an exception in the one before skipped After.
    private void Restore()
    {
        if (_floatWeight is not null)
        {
            var standIn = ModuleWeight.Get(_module);
            ModuleWeight.Put(_module, _floatWeight);
            _floatWeight = null;
            standIn.Dispose();
        }

        _newInput?.Dispose();
        _newInput = null;
        _newRight?.Dispose();
        _newRight = null;
    }
}
