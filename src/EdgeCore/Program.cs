using EdgeSync.EdgeCore;
using EdgeSync.EdgeCore.Commands;

RunCommand.DetachIfAsked(args);
return await EdgeCoreCommands.InvokeAsync(args, EdgeCoreApp.Parts, CancellationToken.None);
