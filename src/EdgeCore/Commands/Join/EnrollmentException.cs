namespace EdgeSync.EdgeCore.Commands.Join;

/// <summary>The hub could not be asked, or said no. The message is for the user.</summary>
internal sealed class EnrollmentException(string message, string mend = "", bool reached = false) : Exception(message)
{
    public string Mend { get; } = mend;

    /// <summary>Whether something answered on the network, so that trying another port makes sense.</summary>
    public bool Reached { get; } = reached;
}
