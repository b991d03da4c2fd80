using System.CommandLine;
using EdgeSync.CloudCore.Configuration;

namespace EdgeSync.CloudCore.Commands;

/// <summary>The options by which <c>init</c> and <c>run</c> are told of a real cluster.</summary>
internal sealed class ClusterOptions
{
    private readonly Option<string?> _kubeconfig = new("--kubeconfig")
    {
        Description = "Work on a real Kubernetes cluster, in place of the embedded API.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _context = new("--context")
    {
        Description = "The kubeconfig's context. Default: its current one.",
        HelpName = "NAME",
    };

    private readonly Option<bool> _inCluster = new("--in-cluster")
    {
        Description = "Work on the cluster that cloudcore is a pod of, with the pod's service account.",
    };

    public void AddTo(Command command)
    {
        command.Options.Add(_kubeconfig);
        command.Options.Add(_context);
        command.Options.Add(_inCluster);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_inCluster) && (result.GetResult(_kubeconfig) ?? result.GetResult(_context)) is not null)
            {
                result.AddError("--in-cluster excludes --kubeconfig and --context; leave one of them out");
            }
        });
    }

    public ClusterWish Read(ParseResult result) => new()
    {
        Kubeconfig = result.GetValue(_kubeconfig) is { } file ? Path.GetFullPath(file) : null,
        Context = result.GetValue(_context),
        InCluster = result.GetValue(_inCluster),
    };

    /// <summary>Whether the command line names a cluster.</summary>
    public bool IsGiven(System.CommandLine.Parsing.CommandResult result) => result.GetResult(_kubeconfig) is not null || result.GetValue(_inCluster);
}
