using Deployment.Tests.Checks;
using Deployment.Tests.Model;

namespace Deployment.Tests;

/// <summary>Run file, components and what Kubernetes is told agree with each other, with the code, and with what Dapr knows.</summary>
public sealed class CheckTests
{
    public static TheoryData<string> Rules => [.. AllChecks.List.Select(check => check.Rule)];

    public static TheoryData<string> Overlays => [.. Rendering.Overlays];

    [Theory]
    [MemberData(nameof(Rules))]
    public void Nothing_is_wrong(string rule)
    {
        var findings = AllChecks.List.Single(check => check.Rule == rule).Findings(Rendering.Scene);

        Assert.True(findings.Count == 0, string.Join('\n', findings));
    }

    [Fact]
    public void What_the_overlays_render_is_among_what_is_checked()
    {
        Assert.SkipWhen(Rendering.Missing is not null, Rendering.Missing ?? "");

        Assert.Equal(Rendering.Overlays, Rendering.Scene.Overlays.Select(overlay => overlay.Name));
        Assert.All(Rendering.Scene.Overlays, overlay => Assert.InRange(overlay.Documents.Count, 30, 100));
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public void An_overlay_renders_the_same_every_time(string overlay)
    {
        Assert.SkipWhen(Rendering.Missing is not null, Rendering.Missing ?? "");

        Assert.Equal(Rendering.Render(overlay), Rendering.Render(overlay));
    }
}
