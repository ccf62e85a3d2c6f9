using IsVit.Core.Memory;
using IsVit.Tool;
using IsVit.Tool.Cli;

NativeHeap.KeepLargeBlocks();
return await ToolApplication.RunAsync(args, ToolConsole.ForProcess(), CancellationToken.None);
