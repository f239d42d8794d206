using TestSupport;

namespace SystemTests;

/// <summary>What an operator sees of the system in traces and metrics.</summary>
public class TelemetryTests(SharedSystem shared)
{
    [Fact]
    public async Task One_trace_leads_from_the_request_over_the_commit_and_the_functions_to_the_view_and_the_meter_counts()
    {
        var (system, receiver) = shared.Own;
        var number = AccountSystem.NewNumber();
        var trace = Guid.NewGuid().ToString("N");

        (await system.Accounts.Create(number, headers: ("traceparent", $"00-{trace}-00f067aa0ba902b7-01"))).Is(201);
        await system.Accounts.Shown(number, 3);
        (await system.Accounts.Create(number)).IsProblem(409, "number-taken");
        using var client = new HttpClient { BaseAddress = system.Accounts.Queries };
        using var stream = await EventStreamReader.OpenAsync(client, $"/v1/accounts/{number}/stream", null, TestContext.Current.CancellationToken);

        await Eventually.Holds(
            () =>
            {
                var spans = receiver.Spans.Where(span => span.TraceId == trace).Select(span => (span.Service, span.Name)).ToList();
                Assert.Contains(("accounts-command", "POST /v1/accounts/"), spans);
                Assert.Contains(("accounts-command", "commit"), spans);
                Assert.Contains(("accounts-processor", "account"), spans);
                Assert.Contains(("accounts-processor", "history"), spans);
                Assert.Contains(("accounts-processor", "account-events"), spans);

                // The policies' commands belong to the trace of the request that led to them.
                Assert.Equal(2, spans.Count(span => span == ("accounts-command", "POST /v1/accounts/{accountNumber}/commands/{name}")));
                Assert.DoesNotContain(receiver.Spans, span => span.Name.Contains("healthz", StringComparison.Ordinal));
            },
            TimeSpan.FromSeconds(15));
        await Eventually.Holds(
            () => Assert.Superset(
                new HashSet<(string, string, string)>
                {
                    ("accounts-command", "Accounts", "accounts.commands"),
                    ("accounts-query", "Accounts", "accounts.streams.open"),
                    ("accounts-command", "Accounts", "accounts.log.batch.size"),
                    ("accounts-command", "Accounts", "accounts.log.commit.duration"),
                    ("accounts-processor", "Accounts", "accounts.function.lag.events"),
                    ("accounts-processor", "Accounts", "accounts.function.lag.seconds"),
                    ("accounts-processor", "Accounts", "accounts.function.parked"),
                },
                receiver.Metrics.ToHashSet()),
            TimeSpan.FromSeconds(15));
        await Eventually.Holds(
            () => Assert.Superset(
                new HashSet<string> { "command=create outcome=appended", "command=create outcome=refused", "command=confirm outcome=appended" },
                receiver.Attributes("accounts-command", "accounts.commands").ToHashSet()),
            TimeSpan.FromSeconds(15));
    }
}
