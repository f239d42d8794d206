using System.Diagnostics;
using System.Globalization;
using TestSupport;

namespace SystemTests;

/// <summary>A service whose store does not keep its word says so, and does not start.</summary>
public class StoreRefusalTests
{
    private static readonly (Lie Lie, string What)[] Lies =
    [
        (Lie.CreatesAreAlwaysAccepted, "32 of 32 creates of one key were accepted"),
        (Lie.StaleETagsAreAccepted, "a write with a stale ETag was accepted"),
        (Lie.KeysExpire, "an expiry that nobody asked for"),
    ];

    [Theory]
    [InlineData("Accounts.Command", "event-log")]
    [InlineData("Accounts.Processor", "views")]
    public async Task A_store_that_lies_stops_the_service_which_names_component_type_and_what_failed(string service, string component)
    {
        OwnSystem.SkipUnlessOurs();
        await Task.WhenAll(Lies.Select(lie => IsRefusedAsync(service, component, lie.Lie, lie.What)));
    }

    private static async Task IsRefusedAsync(string service, string component, Lie lie, string what)
    {
        await using var sidecar = await LyingSidecar.StartAsync(component, lie);
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Repository.Assembly(service)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
                ["DAPR_GRPC_PORT"] = sidecar.Port.ToString(CultureInfo.InvariantCulture),
                ["DAPR_HTTP_PORT"] = FreePorts.Next().ToString(CultureInfo.InvariantCulture),
            },
        })!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

            var said = (await output + await errors).Replace("\\u0027", "'", StringComparison.Ordinal);
            Assert.Contains($"State store component '{component}' (state.liar/v1) cannot hold the log or its views", said, StringComparison.Ordinal);
            Assert.Contains(what, said, StringComparison.Ordinal);
        }
        finally
        {
            Signals.Kill(process.Id);
        }
    }
}
