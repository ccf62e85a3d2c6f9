using System.Runtime.CompilerServices;
using IsVit.Model;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>The hooks of one module: the boundary of a unit outermost, then its operands, then its weight.</summary>
internal sealed class ModuleHooks : IDisposable
{
    private readonly GraphAttachment _attachment;
    private readonly string _path;
    private readonly nn.Module _module;
    private readonly Unit? _unit;
    private readonly SiteBinding? _input;
    private readonly SiteBinding? _right;
    private readonly SiteBinding? _weight;
    private readonly SiteBinding? _output;
    private readonly List<Action> _removals = [];

    // The fake-quantized weight, while it stands in the float one's place.
    private Parameter? _weightInUse;

    private ModuleHooks(GraphAttachment attachment, string path, nn.Module module, Unit? unit, IReadOnlyList<SiteBinding> bindings)
    {
        _attachment = attachment;
        _path = path;
        _module = module;
        _unit = unit;
        _input = bindings.FirstOrDefault(static binding => binding.Site.Operand is SiteOperand.Input or SiteOperand.Left);
        _right = bindings.FirstOrDefault(static binding => binding.Site.Operand == SiteOperand.Right);
        _weight = bindings.FirstOrDefault(static binding => binding.Site.Operand == SiteOperand.Weight);
        _output = bindings.FirstOrDefault(static binding => binding.Site.Operand == SiteOperand.Output);
    }

    public static ModuleHooks Create(GraphAttachment attachment, string path, nn.Module module, Unit? unit, IReadOnlyList<SiteBinding> bindings)
    {
        var hooks = new ModuleHooks(attachment, path, module, unit, bindings);
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
                hooks.HookBoundaries(TypedModule.TryOf(module) ?? throw new ArgumentException($"A module of type {module.GetType()} is never called.", nameof(module)));
                break;
        }

        return hooks;
    }

    public void Dispose()
    {
        _removals.ForEach(static remove => remove());
        _removals.Clear();
        RestoreWeight();
    }

    private Tensor Before(Tensor x)
    {
        Begin(x);

        // An exception in the forward before this one skipped After.
        RestoreWeight();
        if (!_attachment.IsEnabled)
        {
            return x;
        }

        var replaced = Replace(_input, x);
        PutWeight();
        return replaced;
    }

    private (Tensor, Tensor)? Before(Tensor left, Tensor right)
    {
        Begin(left, right);
        return _attachment.IsEnabled ? (Replace(_input, left), Replace(_right, right)) : null;
    }

    private Tensor After(Tensor y)
    {
        RestoreWeight();
        if (_attachment.IsEnabled && _output?.Process(y) is { } quantized)
        {
            // No caller lets go of the output that is replaced here. One that a hook has taken out of the open scope is that hook's.
            if (OwningScope(y) is not null || OwningScope(quantized) is null)
            {
                _attachment.ReplacementTensors.Add(_path, y);
            }

            y = quantized;
        }

        End(y);
        return y;
    }

    // Of a module that has no sites.
    private void HookBoundaries(TypedModule module)
    {
        _removals.Add(module.HookBefore(arguments =>
        {
            Begin(arguments);
            return null;
        }));
        _removals.Add(module.HookAfter((_, result) =>
        {
            End(result);
            return result;
        }));
    }

    private void Begin(params object?[] arguments)
    {
        _attachment.ReplacementTensors.ReleaseBefore(_path);
        if (_unit is not null)
        {
            SuspendedForward.Current?.AtBoundary(_attachment, _unit, UnitBoundary.Input, PackedTensors.Of(arguments).Copy());
        }
    }

    private void End(object? result)
    {
        if (_path.Length == 0)
        {
            _attachment.ReplacementTensors.Release();
        }

        if (_unit is not null && SuspendedForward.Current is { } forward)
        {
            _attachment.ReplacementTensors.ReleaseInside(_path);
            forward.AtBoundary(_attachment, _unit, UnitBoundary.Output, PackedTensors.Of(result).Copy());
        }
    }

    private Tensor Replace(SiteBinding? site, Tensor x)
    {
        if (site?.Process(x) is not { } quantized)
        {
            return x;
        }

        _attachment.ReplacementTensors.Add(_path, quantized);
        return quantized;
    }

    private void PutWeight()
    {
        if (_weight is null || _weight.State == SiteState.Off)
        {
            return;
        }

        if (_weight.Process(ModuleWeight.Get(_module)) is { } quantized)
        {
            _weightInUse = new Parameter(quantized, quantized.requires_grad);
            ModuleWeight.Put(_module, _weightInUse);
        }
    }

    // Autograd keeps what it needs of the weight that is let go here.
    private void RestoreWeight()
    {
        if (_weightInUse is not null)
        {
            ModuleWeight.Put(_module, ModuleWeight.Get(_module));
            _weightInUse.Dispose();
            _weightInUse = null;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_OwningDisposeScope")]
    private static extern DisposeScope? OwningScope(Tensor tensor);
}
