using IsVit.Core.Graph;
using IsVit.Model.Saved;
using IsVit.Model.Statistics;

namespace IsVit.Optimization.Saving;

/// <summary>What a saved model became: a module with its quantizers, and what the file says beside.</summary>
internal sealed record LoadedModel(GraphAttachment Attachment, CalibrationStatistics? Statistics, ModelDescription? Description);
