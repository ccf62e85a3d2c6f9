using IsVit.Core.Models.WeightFiles;
using IsVit.Tests.Runtime;

namespace IsVit.Benchmarks.Reliability.Mutations;

/// <summary>Files of weights in safetensors.</summary>
internal sealed class SafetensorsTarget : Target
{
    public SafetensorsTarget()
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        Whole = [Seeds.Safetensors(Folder, Seeds.Tensors()), Seeds.Safetensors(Folder, Seeds.Tensors().Take(2)), Seeds.Safetensors(Folder, SmallModels.Vit().named_parameters().Select(static entry => KeyValuePair.Create(entry.name, (TorchSharp.torch.Tensor)entry.parameter)))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<byte[]> Whole { get; }

    /// <inheritdoc/>
    public override byte[] Damage(int which, Random random, out bool isSealed)
    {
        if (random.Next(2) == 0)
        {
            return base.Damage(which, random, out isSealed);
        }

        var file = new ModelFileDamage(Whole[which]).Of(random, out _, out _);
        isSealed = false;
        return file;
    }

    /// <inheritdoc/>
    public override void Read(byte[] file, int which, bool isSealed)
    {
        using var read = WeightFile.Open(Write("damaged.safetensors", file));
        if (read is SafetensorsFile)
        {
            DescribedTensors.Require(file, read);
        }
    }
}
