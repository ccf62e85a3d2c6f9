using IsVit.Core.Memory;
using IsVit.Tool;
using IsVit.Tool.Cli;

if (!EngineOptions.AsksToSaveMemory(args))
{
    NativeHeap.KeepLargeBlocks();
}

return await ToolApplication.RunAsync(args, ToolConsole.ForProcess(), CancellationToken.None);
