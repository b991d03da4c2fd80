using System.Globalization;
using System.Text;
using System.Text.Json;
using EdgeSync.CloudCore.EmbeddedApi.Store;

namespace EdgeSync.CloudCore.EmbeddedApi.Serving;

/// <summary>The objects that one list request is answered with.</summary>
/// <param name="Items">In the order of their keys.</param>
/// <param name="Revision">From where a watch goes on; for later pages that of the first one.</param>
/// <param name="Continue">Where the next page begins; null at the end.</param>
/// <param name="Remaining">How many more there are; null where that is not known.</param>
internal sealed record ListPage(IReadOnlyList<StoredObject> Items, long Revision, ContinueToken? Continue, long? Remaining)
{
    /// <summary>The members of metav1.ListMeta.</summary>
    public void WriteMeta(Utf8JsonWriter writer)
    {
        writer.WriteString("resourceVersion"u8, Revision.ToString(CultureInfo.InvariantCulture));
        if (Continue is not null)
        {
            writer.WriteString("continue"u8, Continue.ToString());
            if (Remaining is { } count)
            {
                writer.WriteNumber("remainingItemCount"u8, count);
            }
        }
    }
}

/// <summary>
/// Where a list in pages goes on. Every page is of the first one's revision, as long as that can be had; after that the
/// client is given a token with which it may go on in the newest state.
/// </summary>
internal sealed record ContinueToken(long Revision, NamespacedName After)
{
    /// <summary>The revision of a token that goes on in whatever is newest.</summary>
    public const long Inconsistent = -1;

    public bool IsInconsistent => Revision == Inconsistent;

    /// <exception cref="ApiException">400 where the text is not one of our tokens.</exception>
    public static ContinueToken Parse(string text)
    {
        try
        {
            var parts = Encoding.UTF8.GetString(Convert.FromBase64String(text)).Split('\n');
            if (parts is ["v1", var revision, var ns, var name] && long.TryParse(revision, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && number >= Inconsistent)
            {
                return new ContinueToken(number, new NamespacedName(ns, name));
            }
        }
        catch (FormatException)
        {
            // said below, as for a token of another form
        }

        throw ApiException.BadRequest("invalid continue token: continue key is not valid: it is not a token that this server gave");
    }

    public override string ToString() => Convert.ToBase64String(
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"v1\n{Revision}\n{After.Namespace}\n{After.Name}")));
}
