using System.Collections.Immutable;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>Which objects a snapshot was made from; the same ones mean the same answers.</summary>
internal sealed record RbacSources(
    ImmutableSortedDictionary<NamespacedName, StoredObject> ClusterRoles, ImmutableSortedDictionary<NamespacedName, StoredObject> Roles,
    ImmutableSortedDictionary<NamespacedName, StoredObject> ClusterRoleBindings, ImmutableSortedDictionary<NamespacedName, StoredObject> RoleBindings)
{
    public static RbacSources Of(StoreState state) => new(
        state.Of(RbacResources.ClusterRoles), state.Of(RbacResources.Roles),
        state.Of(RbacResources.ClusterRoleBindings), state.Of(RbacResources.RoleBindings));

    public bool IsSame(RbacSources other) =>
        ReferenceEquals(ClusterRoles, other.ClusterRoles) && ReferenceEquals(Roles, other.Roles)
        && ReferenceEquals(ClusterRoleBindings, other.ClusterRoleBindings) && ReferenceEquals(RoleBindings, other.RoleBindings);
}

/// <summary>Where the objects of rbac.authorization.k8s.io lie.</summary>
internal static class RbacResources
{
    public const string Group = "rbac.authorization.k8s.io";
    public const string ClusterRoles = "clusterroles.rbac.authorization.k8s.io";
    public const string Roles = "roles.rbac.authorization.k8s.io";
    public const string ClusterRoleBindings = "clusterrolebindings.rbac.authorization.k8s.io";
    public const string RoleBindings = "rolebindings.rbac.authorization.k8s.io";
}

/// <summary>
/// All roles and bindings at one revision, by subject. Immutable but for the indexes of rules, which are made when a subject is
/// first asked about. Read objects are taken over from the snapshot before, so that a change costs what changed.
/// </summary>
internal sealed class RbacSnapshot
{
    public static readonly RbacSnapshot Empty = new(
        new RbacSources(StoreState.Nothing, StoreState.Nothing, StoreState.Nothing, StoreState.Nothing), null);

    private readonly Dictionary<StoredObject, PolicyRule[]> _rules = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<StoredObject, RbacBinding> _bindings = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, Grants> _clusterGrants = [];
    private readonly Dictionary<(string Namespace, string Subject), Grants> _grants = [];

    public RbacSnapshot(RbacSources sources, RbacSnapshot? before)
    {
        Sources = sources;
        foreach (var stored in sources.ClusterRoles.Values.Concat(sources.Roles.Values))
        {
            _rules[stored] = before?._rules.GetValueOrDefault(stored) ?? PolicyRule.ReadAll(stored.Parse());
        }

        foreach (var stored in sources.ClusterRoleBindings.Values)
        {
            foreach (var (subject, grant) in Take(stored, before))
            {
                GrantsOf(_clusterGrants, subject).Add(grant);
            }
        }

        foreach (var stored in sources.RoleBindings.Values)
        {
            foreach (var (subject, grant) in Take(stored, before))
            {
                GrantsOf(_grants, (stored.Key.Namespace, subject)).Add(grant);
            }
        }
    }

    public RbacSources Sources { get; }

    /// <summary>Decides by the bindings of the user and of its groups, in the cluster and in the namespace asked for.</summary>
    public AccessDecision Decide(AccessAttributes asked)
    {
        List<string>? problems = null;
        foreach (var grants in GrantsOf(asked.User, asked.Namespace))
        {
            if (grants.Index.Find(asked) is { } reason)
            {
                return new AccessDecision(true, reason);
            }

            if (grants.Index.Problems.Count > 0)
            {
                (problems ??= []).AddRange(grants.Index.Problems);
            }
        }

        return new AccessDecision(false, problems is null ? "" : $"RBAC: {Join(problems)}");
    }

    /// <summary>All rules that the user has in the namespace, and which roles of its bindings are not there.</summary>
    public (IReadOnlyList<PolicyRule> Rules, IReadOnlyList<string> Problems) RulesOf(UserInfo user, string ns)
    {
        var rules = new List<PolicyRule>();
        var problems = new List<string>();
        foreach (var grants in GrantsOf(user, ns))
        {
            rules.AddRange(grants.Index.Rules);
            problems.AddRange(grants.Index.Problems);
        }

        return (rules, problems);
    }

    /// <summary>The rules of a role; null where it is not there. The namespace is empty for a ClusterRole.</summary>
    public PolicyRule[]? RulesOfRole(NamespacedName role) =>
        (role.Namespace.Length == 0 ? Sources.ClusterRoles : Sources.Roles).GetValueOrDefault(role) is { } stored ? _rules[stored] : null;

    public static string Join(IReadOnlyList<string> problems) =>
        problems.Distinct().ToList() is [var only] ? only : $"[{string.Join(", ", problems.Distinct())}]";

    private IEnumerable<Grants> GrantsOf(UserInfo user, string ns)
    {
        var asUser = RbacBinding.UserSubject(user.Name);
        if (_clusterGrants.TryGetValue(asUser, out var found))
        {
            yield return found;
        }

        foreach (var group in user.Groups)
        {
            if (_clusterGrants.TryGetValue(RbacBinding.GroupSubject(group), out found))
            {
                yield return found;
            }
        }

        if (ns.Length == 0)
        {
            yield break;
        }

        if (_grants.TryGetValue((ns, asUser), out found))
        {
            yield return found;
        }

        foreach (var group in user.Groups)
        {
            if (_grants.TryGetValue((ns, RbacBinding.GroupSubject(group)), out found))
            {
                yield return found;
            }
        }
    }

    private static Grants GrantsOf<TKey>(Dictionary<TKey, Grants> all, TKey key)
        where TKey : notnull
    {
        if (!all.TryGetValue(key, out var grants))
        {
            all[key] = grants = new Grants();
        }

        return grants;
    }

    private IEnumerable<(string Subject, Grant Grant)> Take(StoredObject stored, RbacSnapshot? before)
    {
        var binding = before?._bindings.GetValueOrDefault(stored) ?? RbacBinding.Read(stored);
        _bindings[stored] = binding;
        var rules = RulesOfRole(binding.Role);
        foreach (var (subject, words) in binding.Subjects)
        {
            yield return (subject, new Grant(rules, binding.Reason(words), rules is null ? binding.MissingRole : ""));
        }
    }

    /// <summary>What one subject is given by one binding.</summary>
    private readonly record struct Grant(PolicyRule[]? Rules, string Reason, string Problem);

    /// <summary>What one subject is given.</summary>
    private sealed class Grants
    {
        private readonly List<Grant> _all = [];
        private volatile RuleIndex? _index;

        // two that ask at once may both make it, and either is right
        public RuleIndex Index => _index ??= new RuleIndex(_all);

        public void Add(Grant grant) => _all.Add(grant);
    }

    /// <summary>The rules of a subject by what they are about, so that a decision looks at few of them.</summary>
    private sealed class RuleIndex
    {
        private readonly Dictionary<(string Group, string Resource), List<(PolicyRule Rule, string Reason)>> _exact = [];
        private readonly List<(PolicyRule Rule, string Reason)> _wide = []; // with a * in groups or resources
        private readonly List<(PolicyRule Rule, string Reason)> _urls = [];

        public RuleIndex(List<Grant> grants)
        {
            var problems = new List<string>();
            var rules = new List<PolicyRule>();
            var seen = new HashSet<PolicyRule[]>(ReferenceEqualityComparer.Instance);
            foreach (var (given, reason, problem) in grants)
            {
                if (given is null)
                {
                    problems.Add(problem);
                }
                else if (seen.Add(given))
                {
                    rules.AddRange(given);
                    foreach (var rule in given)
                    {
                        Add(rule, reason);
                    }
                }
            }

            Rules = rules;
            Problems = problems;
        }

        public IReadOnlyList<PolicyRule> Rules { get; }

        /// <summary>Roles that are bound and not there.</summary>
        public List<string> Problems { get; }

        /// <summary>Why it is allowed; null where it is not.</summary>
        public string? Find(AccessAttributes asked) => asked.IsResource
            ? (_exact.TryGetValue((asked.Group, asked.CombinedResource), out var exact) ? Find(exact, asked) : null) ?? Find(_wide, asked)
            : Find(_urls, asked);

        private static string? Find(List<(PolicyRule Rule, string Reason)> rules, AccessAttributes asked)
        {
            foreach (var (rule, reason) in rules)
            {
                if (rule.Allows(asked))
                {
                    return reason;
                }
            }

            return null;
        }

        private void Add(PolicyRule rule, string reason)
        {
            if (rule.Urls.Length > 0)
            {
                _urls.Add((rule, reason));
            }

            if (rule.Groups.Contains("*") || rule.Resources.Any(r => r.StartsWith('*')))
            {
                _wide.Add((rule, reason));
                return;
            }

            foreach (var group in rule.Groups)
            {
                foreach (var resource in rule.Resources)
                {
                    if (!_exact.TryGetValue((group, resource), out var rules))
                    {
                        _exact[(group, resource)] = rules = [];
                    }

                    rules.Add((rule, reason));
                }
            }
        }
    }
}
