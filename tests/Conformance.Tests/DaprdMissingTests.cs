using System.Net;
using System.Net.Sockets;
using TestSupport;

namespace Conformance.Tests;

public sealed class DaprdMissingTests
{
    [Fact]
    public void Real_Dapr_is_there_when_a_sidecar_and_a_placement_service_are()
    {
        using var folder = new TemporaryFolder();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var answers = $"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";
        var silent = $"127.0.0.1:{FreePorts.Next()}";
        var end = OperatingSystem.IsWindows() ? ".exe" : "";

        Assert.Equal("There is no daprd on the PATH.", Daprd.MissingFrom(folder.Location, answers));
        folder.Write("daprd" + end, "");
        Assert.Equal($"There is a daprd, but no placement on the PATH, and none answers at {silent}.", Daprd.MissingFrom(folder.Location, silent));
        Assert.Null(Daprd.MissingFrom(folder.Location, answers));
        folder.Write("placement" + end, "");
        Assert.Null(Daprd.MissingFrom(folder.Location, silent));
    }

    [Theory]
    [InlineData("local", null)]
    [InlineData("postgres-redis", "ACCOUNTS_POSTGRES")]
    [InlineData("mysql-redis", "ACCOUNTS_MYSQL")]
    public async Task A_set_of_components_whose_secret_is_not_set_is_not_tried(string set, string? variable)
    {
        Assert.SkipWhen(variable is not null && Environment.GetEnvironmentVariable(variable) is not null, $"{variable} is set here.");

        Assert.Equal(variable is null ? null : $"{variable} is not set, which components/{set} takes a secret from.", await ComponentSet.MissingAsync(set));
    }
}
