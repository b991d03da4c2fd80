using EdgeSync.CloudCore.EmbeddedApi.Verbs;

namespace EdgeSync.CloudCore.EmbeddedApi.Authorization;

/// <summary>What every write of a user passes, in order.</summary>
internal sealed class Admissions(RoleEscalation escalation, Authentication.PodServiceAccounts pods, Authentication.SigningRequestAdmission requests)
{
    public void Admit(AdmissionRequest request)
    {
        NodeRestriction.Check(request);
        pods.Admit(request);
        requests.Admit(request);
        escalation.Check(request);
    }
}
