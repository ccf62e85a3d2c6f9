namespace IsVit.Detection.Scenes;

/// <summary>
/// Random numbers of one scene, the same on every machine and with every version of .NET: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
/// generators, 2014).
/// </summary>
internal sealed class SceneRandom
{
    private ulong _state;

    /// <summary>Begins the series of a scene. The two numbers are mixed, so that neighbouring scenes do not share parts of one series.</summary>
    public SceneRandom(long seed, long index) => _state = unchecked(Mix(Mix((ulong)seed) + (ulong)index));

    /// <summary>The next 64 random bits.</summary>
    public ulong NextBits() => Mix(_state = unchecked(_state + 0x9E3779B97F4A7C15));

    /// <summary>A number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Next(int low, int high) => low + (int)Math.BigMul(NextBits(), (ulong)((long)high - low + 1), out _);

    private static ulong Mix(ulong z)
    {
        unchecked
        {
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
