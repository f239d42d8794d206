using System.Net.Http.Headers;
using System.Text;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Tests.RealProcesses;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>Another microservice says on its topic that users are deleted; it knows nothing of us but what docs/user-events.md says.</summary>
public class UserEventsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_archives_the_users_accounts_and_one_that_is_none_is_set_aside()
    {
        await using var other = await RecordingApp.StartAsync(
            """[{"pubsubname":"events","topic":"user-events-dead","routes":{"default":"/dead"}}]""", config: null);
        await using var system = await RunningSystem.Start(processors: 1, subscriber: other);
        system.StartProcessor(1);
        await system.ProcessorReady(1);
        await system.ComesAlive("A-1", TimeSpan.FromSeconds(10));
        using var sidecar = new HttpClient { BaseAddress = system.Sidecar("subscriber") };

        // A sidecar asks for subscriptions when its app answers; until then a message of this broker reaches nobody.
        await Eventually.Holds(
            async () =>
            {
                await Publish(sidecar, """{"specversion":"1.0","id":"m-1","source":"users","type":"user.deleted","data":{"userId":1}}""");
                Assert.Equal(AccountStatus.Archived, await Status(system, "A-1"));
            },
            TimeSpan.FromSeconds(20));

        await Publish(sidecar, """{"specversion":"1.0","id":"m-2","source":"users","type":"user.deleted","data":{"userId":"one"}}""");
        await Publish(sidecar, """{"specversion":"1.0","id":"m-3","source":"users","type":"user.renamed","data":{"userId":1}}""");
        await Open(system, "A-2");

        await Eventually.Holds(async () => Assert.Equal(AccountStatus.Archived, await Status(system, "A-2")), TimeSpan.FromSeconds(10));
        await Eventually.Holds(
            () => Assert.Equal("m-2", Assert.Single(other.At("/dead")).Json.GetProperty("id").GetString()), TimeSpan.FromSeconds(10));
    }

    private static async Task Publish(HttpClient sidecar, string message)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(message));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/cloudevents+json");
        using var answer = await sidecar.PostAsync($"/v1.0/publish/{Components.Events}/{Topics.UserEvents}", content, Stop);
        answer.EnsureSuccessStatusCode();
    }

    private static async Task Open(RunningSystem system, string number)
    {
        using var body = new StringContent($$"""{"userId":1,"accountNumber":"{{number}}","defaultAccount":false}""", Encoding.UTF8, "application/json");
        using var created = await system.Commands.PostAsync("/v1/accounts", body, Stop);
        created.EnsureSuccessStatusCode();
    }

    private static async Task<AccountStatus?> Status(RunningSystem system, string number)
    {
        var at = new ViewPointer((await system.Log.DescribeAsync(Stop)).Id, "1");
        return await system.ViewStore.ReadAsync(RowKeys.Account(at, number), Stop) is { } row
            ? AccountStatusNames.Parse(System.Text.Json.JsonSerializer.Deserialize(row.Value.Span, ContractsJson.Default.AccountRow)!.Account.Status)
            : null;
    }
}
