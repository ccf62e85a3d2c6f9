namespace IsVit.Core.Models.WeightFiles.PyTorch;

/// <summary>A view of a storage.</summary>
/// <param name="Storage">The elements.</param>
/// <param name="Offset">The first element.</param>
/// <param name="Shape">The shape.</param>
/// <param name="Strides">How many elements lie between two neighbours along each axis.</param>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, IReadOnlyList<long> Shape, IReadOnlyList<long> Strides)
{
    /// <summary>Whether the elements lie row-major without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            var expected = 1L;
            for (var axis = Shape.Count - 1; axis >= 0; axis--)
            {
                if (Shape[axis] != 1 && Strides[axis] != expected)
                {
                    return Shape.Contains(0);
                }

                expected *= Shape[axis];
            }

            return true;
        }
    }
}
