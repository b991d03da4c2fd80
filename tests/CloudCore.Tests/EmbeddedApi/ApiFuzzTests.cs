using System.Diagnostics;
using System.Net;
using System.Text;
using Xunit.Abstractions;

namespace EdgeSync.CloudCore.Tests.EmbeddedApi;

/// <summary>
/// Whatever is asked, the API answers: soon, with a status that is not 500, and serves on. A failure prints its seed and
/// the request.
/// </summary>
public sealed class ApiFuzzTests(ITestOutputHelper output)
{
    private const long MostGrowth = 256L << 20;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(1, 1500)]
    public Task Random_requests_never_get_a_500_and_never_stall(int seed, int requests) => RunAsync(seed, requests);

    [Theory]
    [Trait("Category", "Long")]
    [InlineData(100, 30_000)]
    [InlineData(200, 30_000)]
    public Task Many_random_requests_never_get_a_500_and_never_stall(int seed, int requests) => RunAsync(seed, requests);

    private async Task RunAsync(int seed, int requests)
    {
        await using var host = await ApiHost.StartAsync();
        using var client = host.Client();
        client.Timeout = s_limit;
        var fuzz = new ApiFuzz(new Random(seed), await ApiFuzz.CollectionsAsync(new ApiClient(client)));
        var codes = new Dictionary<HttpStatusCode, int>();
        var failures = new List<string>();
        var slowest = TimeSpan.Zero;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var first = new Queue<FuzzRequest>(fuzz.First());
        for (var i = 0; (i < requests || first.Count > 0) && failures.Count < 10; i++)
        {
            var request = first.TryDequeue(out var known) ? known : fuzz.Next();
            var clock = Stopwatch.StartNew();
            try
            {
                var (code, body) = await SendAsync(client, host.Address, request);
                codes[code] = codes.GetValueOrDefault(code) + 1;
                if (code == HttpStatusCode.InternalServerError)
                {
                    failures.Add($"seed {seed}, request {i}: 500\n{request}\n{body}");
                }
            }
            catch (HttpRequestException) when (request is { Body.Length: > 8 * 1024 }
                && (request.PathAndQuery.Contains("%00", StringComparison.Ordinal) || !Ascii.IsValid(request.PathAndQuery)))
            {
                // a path that the web server itself refuses: it does not wait for the rest of the body
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException or IOException)
            {
                failures.Add($"seed {seed}, request {i}: {e.Message}\n{request}");
            }

            slowest = clock.Elapsed > slowest ? clock.Elapsed : slowest;
        }

        output.WriteLine($"{string.Join(", ", codes.OrderBy(c => c.Key).Select(c => $"{(int)c.Key}: {c.Value}"))}; slowest {slowest.TotalMilliseconds:0} ms");
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
        Assert.True(codes.GetValueOrDefault(HttpStatusCode.OK) + codes.GetValueOrDefault(HttpStatusCode.Created) > requests / 40, "hardly anything was understood: the requests are too wild to find much");
        using var alive = await client.GetAsync(new Uri("/readyz", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, alive.StatusCode);
        var growth = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.True(growth < MostGrowth, $"{growth >> 20} MiB are held after {requests} requests");
    }

    private static async Task<(HttpStatusCode Code, string Body)> SendAsync(HttpClient client, Uri address, FuzzRequest fuzz)
    {
        var uri = new Uri(address.GetLeftPart(UriPartial.Authority) + fuzz.PathAndQuery, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        using var request = new HttpRequestMessage(new HttpMethod(fuzz.Method), uri);
        if (fuzz.Body is not null)
        {
            request.Content = new ByteArrayContent(fuzz.Body);
        }

        foreach (var (name, value) in fuzz.Headers)
        {
            if (name != "Content-Type")
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
            else if (value.Length > 0)
            {
                request.Content!.Headers.TryAddWithoutValidation(name, value);
            }
        }

        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

        // a watch has no end; its beginning is enough
        if (response.StatusCode == HttpStatusCode.OK && fuzz.PathAndQuery.Contains("watch", StringComparison.Ordinal))
        {
            return (response.StatusCode, "");
        }

        return (response.StatusCode, Encoding.UTF8.GetString(await response.Content.ReadAsByteArrayAsync()));
    }
}
