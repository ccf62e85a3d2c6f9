using TorchSharp;

namespace IsVit.Detection.Operators;

/// <summary>What operators check of their tensors, and how they read them.</summary>
internal static class Operands
{
    /// <summary>Refuses a tensor that is no floating point tensor of a shape.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="name">Its parameter's name.</param>
    /// <param name="shape">The lengths in words, such as "n, 4".</param>
    /// <param name="lengths">The lengths; -1 where any will do.</param>
    /// <exception cref="ArgumentException">It is of another type or shape.</exception>
    public static void Floating(torch.Tensor tensor, string name, string shape, params ReadOnlySpan<long> lengths)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (!tensor.is_floating_point() || !Fits(tensor.shape, lengths))
        {
            throw new ArgumentException($"'{name}' is {Describe(tensor)}; expected floating point numbers [{shape}].", name);
        }
    }

    /// <summary>Refuses a tensor that is not Int64 [count].</summary>
    /// <exception cref="ArgumentException">It is of another type or shape.</exception>
    public static void Labels(torch.Tensor tensor, string name, long count)
    {
        ArgumentNullException.ThrowIfNull(tensor, name);
        if (tensor.dtype != torch.ScalarType.Int64 || !Fits(tensor.shape, [count]))
        {
            throw new ArgumentException(FormattableString.Invariant($"'{name}' is {Describe(tensor)}; expected Int64 [{count}]."), name);
        }
    }

    /// <summary>The numbers in float32, row by row, copied from whichever device they are on.</summary>
    public static float[] ReadSingle(torch.Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        return [.. tensor.detach().to(torch.ScalarType.Float32).cpu().contiguous().data<float>()];
    }

    /// <summary>The numbers in float64, row by row, copied from whichever device they are on.</summary>
    public static double[] ReadDouble(torch.Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        return [.. tensor.detach().cpu().to(torch.ScalarType.Float64).contiguous().data<double>()];
    }

    /// <summary>The integers, copied from whichever device they are on.</summary>
    public static long[] ReadInt64(torch.Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        return [.. tensor.detach().cpu().contiguous().data<long>()];
    }

    /// <summary>The numbers 0, 1, ... of a type on a device.</summary>
    public static torch.Tensor Count(long count, torch.ScalarType type, torch.Device device)
    {
        var numbers = new float[count];
        for (var i = 0; i < numbers.Length; i++)
        {
            numbers[i] = i;
        }

        using var scope = torch.NewDisposeScope();
        return torch.tensor(numbers).to(type, device).MoveToOuterDisposeScope();
    }

    /// <summary>Type and shape in words.</summary>
    public static string Describe(torch.Tensor tensor) => $"{tensor.dtype} [{string.Join(", ", tensor.shape)}]";

    private static bool Fits(long[] shape, ReadOnlySpan<long> lengths)
    {
        if (shape.Length != lengths.Length)
        {
            return false;
        }

        for (var i = 0; i < shape.Length; i++)
        {
            if (lengths[i] >= 0 && shape[i] != lengths[i])
            {
                return false;
            }
        }

        return true;
    }
}
