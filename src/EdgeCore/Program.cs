using EdgeSync.EdgeCore.Commands;

return await EdgeCoreCommands.InvokeAsync(
    args,
    new EdgeCoreParts
    {
        RunAsync = async (run, stop) =>
        {
            run.Ready();
            await Task.Delay(Timeout.Infinite, stop);
            return 0;
        },
    },
    CancellationToken.None);
