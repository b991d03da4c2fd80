using EdgeSync.CloudCore.Commands;

return await CloudCoreCommands.InvokeAsync(
    args,
    new CloudCoreParts
    {
        RunAsync = (_, _) => throw new CommandFailedException("this build has no hub to run"),
    },
    CancellationToken.None);
