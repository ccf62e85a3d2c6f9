using System.Globalization;
using System.Runtime.ExceptionServices;

namespace IsVit.Core.Imaging;

/// <summary>Threads that decode a list of images in order, a bounded number of batches ahead of the one reader.</summary>
/// <remarks>
/// Images are claimed in order, so when one fails, all before it are decoded or being decoded: the first failure in the list is the one
/// reported, however the threads run.
/// </remarks>
internal sealed class DecodingPipeline : IDisposable
{
    private readonly ImageList _images;
    private readonly ImagePreprocessor _preprocessor;
    private readonly int _batchSize;
    private readonly ImageLoaderOptions _options;
    private readonly CancellationToken _cancellation;
    private readonly CancellationTokenRegistration _registration;
    private readonly object _gate = new();
    private readonly Queue<DecodedBatch> _batches = new();
    private readonly Queue<DecodedBatch> _open = new();
    private readonly Thread[] _threads;
    private int _allocated;
    private int _claimed;
    private int _inFlight;
    private bool _stopped;

    public DecodingPipeline(ImageList images, ImagePreprocessor preprocessor, int batchSize, ImageLoaderOptions options, CancellationToken cancellation)
    {
        _images = images;
        _preprocessor = preprocessor;
        _batchSize = batchSize;
        _options = options;
        _cancellation = cancellation;
        _registration = cancellation.Register(Stop);
        _threads = new Thread[Math.Min(options.Parallelism, images.Count)];
        for (var i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new Thread(Work) { IsBackground = true, Name = string.Create(CultureInfo.InvariantCulture, $"Image decoding {i}") };
            _threads[i].Start();
        }
    }

    /// <summary>The next batch, to be disposed by the caller; null behind the last.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ImageException">An image cannot be read, and such images are not skipped.</exception>
    public DecodedBatch? Next()
    {
        DecodedBatch batch;
        lock (_gate)
        {
            Allocate();
            while (!IsDecided())
            {
                Monitor.Wait(_gate);
            }

            _cancellation.ThrowIfCancellationRequested();
            if (_batches.Count == 0)
            {
                return null;
            }

            batch = _batches.Dequeue();
        }

        var fatal = Array.Find(batch.Failures, failure => failure is not null && IsFatal(failure));
        if (fatal is not null)
        {
            batch.Dispose();
            ExceptionDispatchInfo.Throw(fatal);
        }

        return batch;
    }

    /// <summary>Ends the threads, after the image that each is at, and disposes the batches that nobody took.</summary>
    public void Dispose()
    {
        Stop();
        _registration.Dispose();
        foreach (var thread in _threads)
        {
            thread.Join();
        }

        while (_batches.TryDequeue(out var batch))
        {
            batch.Dispose();
        }
    }

    /// <summary>Whether the reader need not wait: cancelled, at the end, or the first batch is finished or will never be.</summary>
    private bool IsDecided()
    {
        if (_cancellation.IsCancellationRequested)
        {
            return true;
        }

        return _batches.TryPeek(out var first)
            ? first.Finished == first.Count || (_stopped && _inFlight == 0)
            : _allocated == _images.Count;
    }

    private bool IsFatal(Exception failure) => failure is not ImageException || _options.Unreadable == UnreadableImage.Throw;

    private void Stop()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }
    }

    private void Work()
    {
        while (Claim() is var (batch, place) && batch is not null)
        {
            batch.Decode(place, _images[batch.First + place].Path, _preprocessor);
            lock (_gate)
            {
                _inFlight--;
                _stopped |= batch.Failures[place] is { } failure && IsFatal(failure);
                if (++batch.Finished == batch.Count || _stopped)
                {
                    Monitor.PulseAll(_gate);
                }
            }
        }
    }

    /// <summary>The next image to decode, once there is a batch for it; no batch if there is nothing left to do.</summary>
    private (DecodedBatch? Batch, int Place) Claim()
    {
        lock (_gate)
        {
            while (!_stopped && _claimed < _images.Count)
            {
                if (_open.TryPeek(out var batch))
                {
                    var place = _claimed++ - batch.First;
                    if (place == batch.Count - 1)
                    {
                        _open.Dequeue();
                    }

                    _inFlight++;
                    return (batch, place);
                }

                Monitor.Wait(_gate);
            }

            return default;
        }
    }

    /// <summary>
    /// Makes room for the next batch and as many as may be ahead of it, on the reader's thread: running out of memory surfaces there, and TorchSharp, which counts
    /// tensors by thread, sees them made and disposed on the same one.
    /// </summary>
    private void Allocate()
    {
        while (!_stopped && _batches.Count <= _options.PrefetchBatches && _allocated < _images.Count)
        {
            var batch = new DecodedBatch(_allocated, Math.Min(_batchSize, _images.Count - _allocated), _preprocessor.Preprocessing);
            _batches.Enqueue(batch);
            _open.Enqueue(batch);
            _allocated += batch.Count;
        }

        Monitor.PulseAll(_gate);
    }
}
