// every test here starts whole worlds of programs: side by side they would only disturb each other's times
[assembly: CollectionBehavior(DisableTestParallelization = true)]
