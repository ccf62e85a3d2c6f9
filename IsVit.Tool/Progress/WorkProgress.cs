
namespace IsVit.Tool.Progress;

/// <summary>Where a long piece of work is.</summary>
/// <param name="Stage">The part of the work, e.g. <c>stage 1</c>.</param>
/// <param name="Unit">What is being worked on, e.g. <c>blocks.3</c>.</param>
/// <param name="Done">Steps done, of the whole work.</param>
/// <param name="Total">All steps.</param>
/// <param name="Loss">The current loss, or null where there is none.</param>
/// <param name="Remaining">The time left, if the work knows it better than the steps tell.</param>
internal sealed record WorkProgress(string Stage, string Unit, long Done, long Total, double? Loss, TimeSpan? Remaining = null)
{
    /// <summary>The share that is done, in percent.</summary>
    public double Percent => Total <= 0 ? 0 : 100d * Done / Total;
}
