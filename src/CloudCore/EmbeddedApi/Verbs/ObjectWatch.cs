using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using EdgeSync.CloudCore.EmbeddedApi.Serving;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>
/// watch: the changes of a resource as they are committed, one JSON document per line. A watcher that does not keep
/// up is ended, and comes back with the last version that it saw.
/// </summary>
internal sealed class ObjectWatch(ObjectStore store, Renderer renderer, TimeProvider time)
{
    private static readonly TimeSpan s_bookmarkEvery = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan s_slowGrace = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(60);

    public async Task WatchAsync(ApiRequest request)
    {
        if (request.Form.IsYaml)
        {
            throw new ApiException(StatusReason.NotAcceptable, "only the following media types are accepted: application/json, application/json;stream=watch");
        }

        if (request.Form.Kind == Representation.PartialMetadata)
        {
            request.Form.DemandMetadataOf(list: false, request.Resource.Kind);
        }

        var filter = ObjectReads.FilterOf(request);
        var asked = ListRules.Version(request);
        var sendInitial = SendsInitialEvents(request);
        if (sendInitial == true)
        {
            ListRules.DemandReached(asked, store.State.Revision);
        }

        var duration = Duration(request);
        var fromState = sendInitial ?? asked is null or 0;
        var after = asked is null or 0 || sendInitial == true ? null : asked;
        var response = request.Context.Response;
        response.StatusCode = 200;
        response.ContentType = "application/json";
        await response.StartAsync(request.Aborted);
        using var subscription = store.Subscribe(request.Resource.StorageName, after);
        if (subscription is null)
        {
            var error = ApiException.Expired(FormattableString.Invariant($"too old resource version: {asked} ({store.State.Revision})"));
            Renderer.WriteRawEvent(response.BodyWriter, "ERROR", StatusWriter.Failure(error));
            await response.BodyWriter.FlushAsync(request.Aborted);
            return;
        }

        var stream = new Stream(request, renderer, filter, response.BodyWriter);
        if (fromState)
        {
            await stream.WriteStateAsync(subscription.Start);
            if (sendInitial == true)
            {
                stream.WriteBookmark(subscription.Start.Revision, initialEventsEnd: true);
            }
        }

        using var slow = new CancellationTokenSource();
        var guard = CutSlowAsync(request, subscription, slow.Token);
        try
        {
            foreach (var change in subscription.Replay)
            {
                stream.WriteChange(change);
                await stream.FlushLargeAsync();
            }

            await response.BodyWriter.FlushAsync(request.Aborted);
            await FollowAsync(request, subscription, stream, duration);
        }
        finally
        {
            await slow.CancelAsync();
            await guard;
        }
    }

    /// <summary>
    /// A client that takes nothing any more would hold its queue for as long as its connection lives. Once that has
    /// overflowed it gets a little time for what waits, and is then cut off.
    /// </summary>
    private async Task CutSlowAsync(ApiRequest request, WatchSubscription subscription, CancellationToken ended)
    {
        try
        {
            await subscription.Overflow.WaitAsync(ended);
            await Task.Delay(s_slowGrace, time, ended);
            request.Context.Abort();
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // the watch is over
        }
    }

    private async Task FollowAsync(ApiRequest request, WatchSubscription subscription, Stream stream, TimeSpan duration)
    {
        var bookmarks = request.QueryIsTrue("allowWatchBookmarks");
        var until = time.GetUtcNow() + duration;
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(request.Aborted);
        Task<bool>? more = null;
        Task? pause = null;
        while (time.GetUtcNow() is var now && now < until)
        {
            more ??= subscription.WaitToReadAsync(ended.Token).AsTask();
            pause ??= Task.Delay(bookmarks && until - now > s_bookmarkEvery ? s_bookmarkEvery : until - now, time, ended.Token);
            await Task.WhenAny(more, pause);
            request.Aborted.ThrowIfCancellationRequested();
            if (more.IsCompleted)
            {
                if (!await more)
                {
                    break;
                }

                await stream.WriteAllAsync(subscription);
                more = null;
            }

            if (pause.IsCompleted)
            {
                // everything up to this revision was offered to the queue before it was published
                var revision = store.State.Revision;
                await stream.WriteAllAsync(subscription);
                if (bookmarks)
                {
                    stream.WriteBookmark(revision, initialEventsEnd: false);
                }

                pause = null;
            }

            await request.Context.Response.BodyWriter.FlushAsync(request.Aborted);
        }

        await ended.CancelAsync();
    }

    /// <summary>Null where the parameter is missing and the old rules hold.</summary>
    private static bool? SendsInitialEvents(ApiRequest request)
    {
        if (!request.Context.Request.Query.ContainsKey("sendInitialEvents"))
        {
            if (request.Query("resourceVersionMatch").Length > 0)
            {
                var refused = new Validation.FieldErrors();
                refused.Forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
                refused.ThrowIfAnyOf("meta.k8s.io", "ListOptions");
            }

            return null;
        }

        var errors = new Validation.FieldErrors();
        if (request.Query("resourceVersionMatch") != "NotOlderThan")
        {
            errors.Forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }

        if (request.QueryIsTrue("sendInitialEvents") && !request.QueryIsTrue("allowWatchBookmarks"))
        {
            errors.Forbidden("allowWatchBookmarks", "sendInitialEvents requires allowWatchBookmarks");
        }

        errors.ThrowIfAnyOf("meta.k8s.io", "ListOptions");
        return request.QueryIsTrue("sendInitialEvents");
    }

    /// <summary>As asked; otherwise half an hour to an hour, so that watches do not all end together.</summary>
    private static TimeSpan Duration(ApiRequest request) =>
        request.QueryNumber("timeoutSeconds") is > 0 and var seconds
            ? TimeSpan.FromSeconds(Math.Min(seconds, 86400))
            : s_longest * (0.5 + (Random.Shared.NextDouble() / 2));

    /// <summary>One response body: filters changes and writes them in the asked form.</summary>
    private sealed class Stream(ApiRequest request, Renderer renderer, ObjectFilter filter, PipeWriter output)
    {
        private const int LargestUnflushed = 64 * 1024;

        private bool _headingWritten;
        private long _lastRevision;

        public async Task WriteStateAsync(StoreState state)
        {
            foreach (var stored in state.Of(request.Resource.StorageName).Values)
            {
                if (filter.Matches(stored))
                {
                    Write("ADDED", stored);
                    await FlushLargeAsync();
                }
            }
        }

        public async Task WriteAllAsync(WatchSubscription subscription)
        {
            while (subscription.TryRead(out var change))
            {
                WriteChange(change);
                await FlushLargeAsync();
            }
        }

        /// <summary>Waits for the client before much has piled up for it.</summary>
        public async ValueTask FlushLargeAsync()
        {
            if (output.UnflushedBytes > LargestUnflushed)
            {
                await output.FlushAsync(request.Aborted);
            }
        }

        /// <summary>
        /// An object that begins to match is ADDED to this watcher, one that ceases to is DELETED, whatever happened to it.
        /// </summary>
        public void WriteChange(Change change)
        {
            _lastRevision = change.Revision;
            var matches = change.Type != ChangeType.Deleted && filter.Matches(change.Object);

            // where the version before is not known any more, the watcher may have had it
            var matched = change.Type != ChangeType.Added
                && (change.Previous is { } previous ? filter.Matches(previous) : filter.MatchesKey(change.Object));
            if (matches)
            {
                Write(matched ? "MODIFIED" : "ADDED", change.Object);
            }
            else if (matched)
            {
                // one that ceases to match is shown as this watcher knows it, with the version at which it went
                Write("DELETED", change is { Type: ChangeType.Modified, Previous: { } known } ? known.At(change.Revision) : change.Object);
            }
        }

        public void WriteBookmark(long revision, bool initialEventsEnd)
        {
            var version = Math.Max(revision, _lastRevision).ToString(CultureInfo.InvariantCulture);
            var annotations = initialEventsEnd ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "";
            Renderer.WriteRawEvent(output, "BOOKMARK", Encoding.UTF8.GetBytes(
                $"{{\"kind\":\"{request.Resource.Kind}\",\"apiVersion\":\"{request.Resource.GroupVersion}\",\"metadata\":{{\"resourceVersion\":\"{version}\",\"creationTimestamp\":null{annotations}}}}}"));
        }

        private void Write(string type, StoredObject stored)
        {
            renderer.WriteEvent(output, request, type, stored, withHeading: !_headingWritten);
            _headingWritten = true;
        }
    }
}
