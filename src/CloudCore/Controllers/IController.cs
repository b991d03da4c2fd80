namespace EdgeSync.CloudCore.Controllers;

/// <summary>
/// A loop that brings what is to what should be. It subscribes to the view when it is made, runs once the view is filled, and is
/// disposed after that.
/// </summary>
internal interface IController : IDisposable
{
    /// <summary>Works until cancelled.</summary>
    Task RunAsync(CancellationToken ct);
}
