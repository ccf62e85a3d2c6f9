using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IsVit.Runtime;

/// <summary>Looks numbers through.</summary>
internal static class Numbers
{
    /// <summary>The index of the first number that is NaN or infinite, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int IndexOfNotFinite(ReadOnlySpan<float> values)
    {
        // x - x is 0 for finite numbers only.
        var i = 0;
        for (; i <= values.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var x = Vector512.Create(values[i..]);
            if (!Vector512.EqualsAll(x - x, Vector512<float>.Zero))
            {
                break;
            }
        }

        for (; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
            {
                return i;
            }
        }

        return -1;
    }
}
