namespace IsVit.Runtime.Functions;

/// <summary>Some float32 numbers side by side that one operation works on; functions are written once for every width. Every operation is rounded as IEEE 754 says, so that a number's result does not depend on the width.</summary>
/// <typeparam name="TSelf">The lanes.</typeparam>
internal interface ILanes<TSelf>
    where TSelf : struct, ILanes<TSelf>
{
    /// <summary>How many numbers there are, 16 at most.</summary>
    static abstract int Count { get; }

    /// <summary>One number in every lane.</summary>
    static abstract TSelf All(float value);

    static abstract TSelf Load(ref readonly float from);

    static abstract void Store(TSelf value, ref float to);

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    /// <summary>factor x + summand, rounded once.</summary>
    static abstract TSelf MultiplyAdd(TSelf factor, TSelf x, TSelf summand);

    /// <summary>One of the two where one is NaN.</summary>
    static abstract TSelf Max(TSelf left, TSelf right);

    /// <summary>yes where left is less than right, no elsewhere, and where one is NaN.</summary>
    static abstract TSelf IfLess(TSelf left, TSelf right, TSelf yes, TSelf no);

    static abstract TSelf Abs(TSelf x);

    /// <summary>A number that is not negative, with the sign of another.</summary>
    static abstract TSelf WithSign(TSelf magnitude, TSelf sign);

    /// <summary>2^(n + exponent), where the integer n is <paramref name="shifted"/> - 1.5 2^23, and the power a normal number.</summary>
    static abstract TSelf PowerOfTwo(TSelf shifted, int exponent);

    /// <summary>The sum of 16 numbers, added in pairs that do not depend on the width: those in the arguments that there are <see cref="Count"/> numbers for.</summary>
    static abstract float Sum(TSelf first, TSelf second, TSelf third, TSelf fourth);

    /// <summary>The largest number.</summary>
    static abstract float Largest(TSelf x);
}
