using Orleans.Storage;

namespace IsVit.Cluster.Storage;

/// <summary>Lets one caller at a time into a store: SQLite refuses some of those that write at the same time instead of letting them wait.</summary>
/// <param name="inner">The store.</param>
internal sealed class OneAtATimeStorage(IGrainStorage inner) : IGrainStorage, IDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);

    /// <inheritdoc/>
    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => AloneAsync(() => inner.ReadStateAsync(stateName, grainId, grainState));

    /// <inheritdoc/>
    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => AloneAsync(() => inner.WriteStateAsync(stateName, grainId, grainState));

    /// <inheritdoc/>
    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => AloneAsync(() => inner.ClearStateAsync(stateName, grainId, grainState));

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private async Task AloneAsync(Func<Task> action)
    {
        await _gate.WaitAsync();
        try
        {
            await action();
        }
        finally
        {
            _gate.Release();
        }
    }
}
