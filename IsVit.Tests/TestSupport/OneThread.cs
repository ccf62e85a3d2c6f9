using System.Runtime.CompilerServices;
using TorchSharp;

namespace IsVit.Tests.TestSupport;

/// <summary>
/// Tests run libtorch on one thread unless they ask for more: models are small, to wake a second thread costs more than it does, and other processors are left for the notebooks and for the tests of the other project.
/// </summary>
internal static class OneThread
{
    [ModuleInitializer]
    internal static void Set() => torch.set_num_threads(1);
}
