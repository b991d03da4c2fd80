using EdgeSync.CloudCore.Commands;

return await CloudCoreCommands.InvokeAsync(
    args,
    new CloudCoreParts
    {
        RunAsync = async (_, stop) =>
        {
            await Task.Delay(Timeout.Infinite, stop);
            return 0;
        },
    },
    CancellationToken.None);
