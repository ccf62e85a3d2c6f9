using TorchSharp;
using TorchSharp.Modules;

namespace IsVit.Core.Models;

/// <summary>Makes what outlives the dispose scope it is made in.</summary>
internal static class LongLived
{
    /// <summary>Turns a tensor into a parameter that belongs to its module, whatever scope is open.</summary>
    public static Parameter Parameter(torch.Tensor data)
    {
        var parameter = new Parameter(data);
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
