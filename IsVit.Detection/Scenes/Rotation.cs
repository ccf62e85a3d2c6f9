namespace IsVit.Detection.Scenes;

/// <summary>Cosine and sine of an angle, the same on every machine, which those of the mathematical libraries are not.</summary>
/// <param name="Cos">The cosine.</param>
/// <param name="Sin">The sine.</param>
internal readonly record struct Rotation(double Cos, double Sin)
{
    /// <summary>The cosine in units of 2^-16.</summary>
    public int CosFixed => Fixed(Cos);

    /// <summary>The sine in units of 2^-16.</summary>
    public int SinFixed => Fixed(Sin);

    /// <summary>Sums the power series; additions and multiplications are exact to the bit everywhere.</summary>
    /// <param name="degrees">-180 to 180.</param>
    public static Rotation FromDegrees(double degrees)
    {
        var x = degrees * (Math.PI / 180);
        double cos = 0, sin = 0, term = 1;
        for (var n = 1; n <= 30; n++)
        {
            // Terms come in the order cos, sin, cos, sin; the sign changes after each pair.
            if ((n & 1) == 1)
            {
                cos += term;
            }
            else
            {
                sin += term;
                term = -term;
            }

            term = term * x / n;
        }

        return new Rotation(cos, sin);
    }

    private static int Fixed(double value) => (int)Math.Floor((value * 65536) + 0.5);
}
