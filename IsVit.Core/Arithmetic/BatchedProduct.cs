using static TorchSharp.torch;

namespace IsVit.Core.Arithmetic;

/// <summary>
/// <c>torch.matmul</c> from its parts. TorchSharp 0.107 lets what libtorch throws in <c>matmul</c> itself, for shapes that do not fit or memory that is not there, end the process
/// (<c>THSTensor_matmul</c> catches nothing); of the parts it makes exceptions.
/// </summary>
internal static class BatchedProduct
{
    /// <summary>The product of the last two axes; the axes before them are broadcast.</summary>
    /// <param name="left">[..., n, k], or [k].</param>
    /// <param name="right">[..., k, m], or [k].</param>
    /// <returns>[..., n, m]; without n or m for an operand that is a vector.</returns>
    /// <exception cref="System.Runtime.InteropServices.ExternalException">The shapes do not fit, or there is no memory.</exception>
    public static Tensor Of(Tensor left, Tensor right)
    {
        var (rank, other) = ((int)left.dim(), (int)right.dim());
        if (rank == 1)
        {
            return Of(left.unsqueeze(0), right).squeeze(other == 1 ? 0 : -2);
        }

        if (rank == 2 && other <= 2)
        {
            return other == 2 ? left.mm(right) : left.mv(right);
        }

        var shape = left.shape;
        if (rank > 2 && other <= 2)
        {
            // One matrix for all: the rows of all are rows of one matrix.
            var rows = left.reshape(-1, shape[^1]);
            return other == 2 ? rows.mm(right).view([.. shape[..^1], right.shape[1]]) : rows.mv(right).view(shape[..^1]);
        }

        var otherShape = right.shape;
        var batch = Broadcast(shape.AsSpan()[..^2], otherShape.AsSpan()[..^2]);
        var count = batch.Aggregate(1L, static (product, length) => product * length);
        return left.expand([.. batch, .. shape[^2..]]).reshape(count, shape[^2], shape[^1])
            .bmm(right.expand([.. batch, .. otherShape[^2..]]).reshape(count, otherShape[^2], otherShape[^1]))
            .view([.. batch, shape[^2], otherShape[^1]]);
    }

    // TorchSharp's own refuses [2, 1] and [4]. Lengths that do not fit are left for libtorch to name.
    private static long[] Broadcast(ReadOnlySpan<long> one, ReadOnlySpan<long> other)
    {
        if (one.Length < other.Length)
        {
            return Broadcast(other, one);
        }

        var all = one.ToArray();
        for (var axis = 0; axis < other.Length; axis++)
        {
            ref var length = ref all[one.Length - other.Length + axis];
            length = length == 1 ? other[axis] : length;
        }

        return all;
    }
}
