namespace IsVit.Tool.Training;

/// <summary>A step size that rises linearly and then falls to zero along half a cosine.</summary>
internal static class CosineSchedule
{
    /// <summary>The step size of one step.</summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="steps">All steps.</param>
    /// <param name="warmUpSteps">The steps of the rise.</param>
    /// <param name="peak">The largest step size.</param>
    public static double At(int step, int steps, int warmUpSteps, double peak)
    {
        if (step < warmUpSteps)
        {
            return peak * (step + 1) / warmUpSteps;
        }

        var progress = (double)(step - warmUpSteps) / Math.Max(1, steps - warmUpSteps);
        return peak * 0.5 * (1 + Math.Cos(Math.PI * progress));
    }
}
