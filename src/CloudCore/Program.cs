using EdgeSync.CloudCore;
using EdgeSync.CloudCore.Commands;

return await CloudCoreCommands.InvokeAsync(args, new CloudCoreParts { RunAsync = CloudCoreApp.RunAsync }, CancellationToken.None);
