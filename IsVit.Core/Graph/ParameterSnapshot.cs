using IsVit.Model.Quantization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace IsVit.Core.Graph;

/// <summary>A copy of a model's parameters, for restoring them.</summary>
public sealed class ParameterSnapshot : IDisposable
{
    private readonly nn.Module _model;
    private readonly Dictionary<string, Tensor> _values = new(StringComparer.Ordinal);
    private bool _disposed;

    /// <summary>Copies a model's parameters.</summary>
    /// <param name="model">The model.</param>
    public ParameterSnapshot(nn.Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        foreach (var (name, parameter) in model.named_parameters())
        {
            _values[name] = Copy(parameter);
        }
    }

    /// <summary>The copied values by parameter name.</summary>
    public IReadOnlyDictionary<string, Tensor> Values => _values;

    /// <summary>
    /// Sets the parameters to the copied values until the returned scope is disposed, which restores their previous values. A parameter that did not exist
    /// when the copy was made is a bias, and is set to zero meanwhile.
    /// </summary>
    /// <param name="only">Which parameters, by name; null for all.</param>
    /// <exception cref="ObjectDisposedException">The copy was disposed.</exception>
    public IDisposable Use(Func<string, bool>? only = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return new Swap(this, only);
    }

    /// <summary>Sets the parameters to the copied values permanently, and removes biases that did not exist when the copy was made.</summary>
    /// <exception cref="ObjectDisposedException">The copy was disposed.</exception>
    public void Restore()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        using var noGrad = no_grad();
        var added = new List<string>();
        foreach (var (name, parameter) in _model.named_parameters().ToList())
        {
            if (_values.TryGetValue(name, out var value))
            {
                parameter.copy_(value);
            }
            else
            {
                added.Add(name);
            }
        }

        var modules = _model.named_modules().ToDictionary(static entry => entry.name, static entry => entry.module, StringComparer.Ordinal);
        foreach (var name in added)
        {
            var dot = name.LastIndexOf('.');
            ModuleWeight.SetBias(dot < 0 ? _model : modules[name[..dot]], null);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        foreach (var value in _values.Values)
        {
            value.Dispose();
        }

        _values.Clear();
    }

    private static Tensor Copy(Parameter parameter)
    {
        using var values = parameter.detach();
        return values.clone().DetachFromDisposeScope();
    }

    private sealed class Swap : IDisposable
    {
        private readonly List<(Parameter Parameter, Tensor Value)> _before = [];

        public Swap(ParameterSnapshot snapshot, Func<string, bool>? only)
        {
            try
            {
                Take(snapshot, only);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public void Dispose()
        {
            using var noGrad = no_grad();
            foreach (var (parameter, value) in _before)
            {
                if (!parameter.IsInvalid)
                {
                    parameter.copy_(value);
                }

                value.Dispose();
            }

            _before.Clear();
        }

        private void Take(ParameterSnapshot snapshot, Func<string, bool>? only)
        {
            using var noGrad = no_grad();
            foreach (var (name, parameter) in snapshot._model.named_parameters())
            {
                if (only?.Invoke(name) == false)
                {
                    continue;
                }

                _before.Add((parameter, Copy(parameter)));
                if (!snapshot._values.TryGetValue(name, out var value))
                {
                    parameter.zero_();
                }
                else if (value.shape.SequenceEqual(parameter.shape))
                {
                    parameter.copy_(value);
                }
                else
                {
                    throw new QuantizationException($"Parameter '{name}' is [{string.Join(", ", parameter.shape)}], and was [{string.Join(", ", value.shape)}] when the model was copied; a stage may change values alone.");
                }
            }
        }
    }
}
