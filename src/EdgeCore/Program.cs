using EdgeSync.EdgeCore;
using EdgeSync.EdgeCore.Commands;

return await EdgeCoreCommands.InvokeAsync(args, EdgeCoreApp.Parts, CancellationToken.None);
