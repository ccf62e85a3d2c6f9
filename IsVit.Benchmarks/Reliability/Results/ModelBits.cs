using System.Security.Cryptography;
using System.Text;
using TorchSharp;

namespace IsVit.Benchmarks.Reliability.Results;

/// <summary>Every bit of a model, as a hash.</summary>
internal static class ModelBits
{
    /// <summary>The hash of its parameters and buffers, and of what else is given.</summary>
    /// <param name="model">The model.</param>
    /// <param name="more">Other tensors, such as its outputs.</param>
    public static string Of(torch.nn.Module model, params IEnumerable<torch.Tensor> more)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, value) in model.state_dict().OrderBy(static entry => entry.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            hash.AppendData(value.contiguous().bytes);
        }

        foreach (var tensor in more)
        {
            hash.AppendData(tensor.contiguous().bytes);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
