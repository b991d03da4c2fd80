using EdgeSync.EdgeCore.Edged.Images;

namespace EdgeSync.EdgeCore.Tests.Edged.Images;

public sealed class RegistryAuthTests
{
    [Theory]
    [InlineData("busybox", "docker.io/library/busybox")]
    [InlineData("busybox:1.36", "docker.io/library/busybox")]
    [InlineData("team/app:2", "docker.io/team/app")]
    [InlineData("registry.example:5000/team/app", "registry.example:5000/team/app")]
    [InlineData("registry.example:5000/team/app:2", "registry.example:5000/team/app")]
    [InlineData("localhost/app@sha256:00", "localhost/app")]
    public void An_image_name_gives_its_repository(string image, string repository) =>
        Assert.Equal(repository, RegistryAuth.Repository(image));
}
