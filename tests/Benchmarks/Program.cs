using EdgeSync.Benchmarks;

return await Commands.RunAsync(args);
