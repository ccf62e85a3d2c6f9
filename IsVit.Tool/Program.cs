using IsVit.Core.Memory;
using IsVit.Tool.Cli;
using IsVit.Tool.Terminal;

_ = EngineOptions.AsksToSaveMemory(args) ? NativeHeap.ReturnLargeBlocks() : NativeHeap.KeepLargeBlocks();

return await ToolApplication.RunAsync(args, ToolConsole.ForProcess(), CancellationToken.None);
