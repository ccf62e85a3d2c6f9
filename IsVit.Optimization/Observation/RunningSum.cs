using IsVit.Core.Arithmetic;
using static TorchSharp.torch;

namespace IsVit.Optimization.Observation;

/// <summary>A sum of tensors of one shape that outlives the scopes in which they are added.</summary>
internal sealed class RunningSum : IDisposable
{
    /// <summary>The sum; null before anything was added.</summary>
    public Tensor? Value { get; private set; }

    /// <param name="values">Taken over if they are the first.</param>
    public void Add(Tensor values)
    {
        if (Value is null)
        {
            Value = values.DetachFromDisposeScope();
        }
        else
        {
            Value.PlusInPlace(values);
        }
    }

    public void Dispose()
    {
        Value?.Dispose();
        Value = null;
    }
}
