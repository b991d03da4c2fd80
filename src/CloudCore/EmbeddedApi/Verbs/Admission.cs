using System.Text.Json.Nodes;
using EdgeSync.CloudCore.EmbeddedApi.Resources;
using EdgeSync.CloudCore.EmbeddedApi.Serving;

namespace EdgeSync.CloudCore.EmbeddedApi.Verbs;

/// <summary>What is about to happen to an object.</summary>
internal enum AdmissionOperation
{
    Create,
    Update,
    Delete,
}

/// <summary>A write that has been understood, before it is checked and stored.</summary>
/// <param name="Operation">What is about to happen.</param>
/// <param name="Resource">Of which resource.</param>
/// <param name="Subresource">For example <c>status</c>; empty for the object itself.</param>
/// <param name="Key">Where. On create the name may be generated later, and is empty then.</param>
/// <param name="User">Who asks.</param>
/// <param name="Object">What is to be stored, which admission may change; of a delete, what is there.</param>
/// <param name="Old">What is there; null on create. Not to be changed.</param>
internal sealed record AdmissionRequest(
    AdmissionOperation Operation, ResourceDescriptor Resource, string Subresource, NamespacedName Key, UserInfo User, JsonObject Object, JsonObject? Old);

/// <summary>Lets a write pass, changes it, or refuses it by an <see cref="ApiException"/>. Called again where a write is prepared again.</summary>
internal delegate void Admission(AdmissionRequest request);
