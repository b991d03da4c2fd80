using EdgeSync.EdgeCore.Commands;

return await EdgeCoreCommands.InvokeAsync(
    args,
    new EdgeCoreParts
    {
        RunAsync = (_, _) => throw new CommandFailedException("this build has no agent to run"),
    },
    CancellationToken.None);
