using EdgeSync.EdgeCore.Edged.Cri;

namespace EdgeSync.EdgeCore.Edged.Pods;

/// <summary>The machine's name servers, for pods that resolve as the machine does.</summary>
internal static class ResolvConf
{
    /// <summary>Reads resolv.conf(5); a file that is not there has no name servers.</summary>
    public static DNSConfig Read(string path)
    {
        var dns = new DNSConfig();
        if (!File.Exists(path))
        {
            return dns;
        }

        foreach (var line in File.ReadLines(path))
        {
            var words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["nameserver", var server, ..]:
                    dns.Servers.Add(server);
                    break;
                case ["search", .. var searches]:
                    dns.Searches.Clear(); // the last line counts
                    dns.Searches.AddRange(searches);
                    break;
                case ["options", .. var options]:
                    dns.Options.AddRange(options);
                    break;
            }
        }

        return dns;
    }
}
