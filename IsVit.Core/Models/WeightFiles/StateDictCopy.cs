using TorchSharp;

namespace IsVit.Core.Models.WeightFiles;

/// <summary>One tensor of a source on its way into a module.</summary>
/// <param name="Source">The full name in the source.</param>
/// <param name="Place">The module's tensor, or the part of it.</param>
/// <param name="Target">The module's tensor.</param>
/// <param name="IsResized">Whether the module makes it fit first.</param>
internal sealed record StateDictCopy(string Source, TensorPlace Place, torch.Tensor Target, bool IsResized)
{
    /// <summary>Copies.</summary>
    /// <param name="module">The module.</param>
    /// <param name="read">Reads the source's tensor, which is disposed.</param>
    /// <param name="readInto">Reads the source's tensor into a tensor of its shape.</param>
    public void Do(torch.nn.Module module, Func<string, torch.Tensor> read, Action<string, torch.Tensor> readInto)
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        if (IsResized)
        {
            Target.copy_(((IStateDictNames)module).Resize(Place.Name, read(Source).cpu()));
            return;
        }

        var rows = Place.PartCount == 1 ? 0 : Target.shape[0] / Place.PartCount;
        readInto(Source, Place.PartCount == 1 ? Target : Target.narrow(0, Place.Part * rows, rows));
    }
}
