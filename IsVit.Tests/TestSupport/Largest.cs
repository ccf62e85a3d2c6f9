namespace IsVit.Tests.TestSupport;

/// <summary>The largest value that several threads have seen.</summary>
internal static class Largest
{
    public static void Of(ref int most, int value)
    {
        int seen;
        while ((seen = Volatile.Read(ref most)) < value && Interlocked.CompareExchange(ref most, value, seen) != seen)
        {
        }
    }
}
