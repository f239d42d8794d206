using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using TestSupport;

namespace SystemTests;

/// <summary>The life of an account, when all goes well.</summary>
public class LifeTests(SharedSystem shared)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    [Fact]
    public async Task One_request_and_nothing_else_makes_an_account_that_is_active_within_2_seconds()
    {
        var number = AccountSystem.NewNumber();
        (await _accounts.Create(number)).Is(201);
        var created = Stopwatch.GetTimestamp();

        var shown = await _accounts.Shown(number, 3);

        Assert.InRange(Stopwatch.GetElapsedTime(created), TimeSpan.Zero, TimeSpan.FromSeconds(2));
        Assert.Equal(("ACCOUNT_ACTIVE", 3), (shown.AccountStatus, shown.Version));
        var events = await Eventually.Gives(async () =>
        {
            var history = await _accounts.Events(number);
            Assert.Equal(3, history.Count);
            return history;
        });
        Assert.Equal(["ACCOUNT_CREATED 1", "ACCOUNT_CONFIRMED 2", "ACCOUNT_ACTIVATED 3"], events.Select(e => $"{e.GetProperty("type")} {e.GetProperty("version")}"));
    }

    [Fact]
    public async Task An_account_has_just_the_members_of_the_design()
    {
        var before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var number = AccountSystem.NewNumber();
        var created = (await _accounts.Create(number, isDefault: true)).Is(201);
        var shown = await _accounts.Shown(number, 3);
        var after = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

        foreach (var answer in new[] { created, shown })
        {
            Assert.Equal(
                ["createdAt", "lastModified", "userId", "accountNumber", "defaultAccount", "status", "version", "_links"],
                answer.Json.EnumerateObject().Select(member => member.Name));
            Assert.Equal((1, number, true), (answer.Json.GetProperty("userId").GetInt64(), answer.Json.GetProperty("accountNumber").GetString(), answer.Json.GetProperty("defaultAccount").GetBoolean()));
            // The clock of the service may differ from ours when addresses were given.
            Assert.InRange(answer.Json.GetProperty("createdAt").GetInt64(), before - 60_000, after + 60_000);
            Assert.InRange(answer.Json.GetProperty("lastModified").GetInt64(), answer.Json.GetProperty("createdAt").GetInt64(), after + 60_000);
        }

        Assert.Equal(("ACCOUNT_PENDING", "ACCOUNT_ACTIVE"), (created.AccountStatus, shown.AccountStatus));
    }

    [Fact]
    public async Task Every_event_tells_what_happened_and_the_account_after_it()
    {
        var number = await _accounts.Alive(isDefault: true);
        (await _accounts.Command(number, "suspend", """{"reason":"the card is lost"}""")).Is(200);
        var account = await _accounts.Shown(number, 4);

        var events = await EventsUpTo(number, 4);

        string[] flat = ["type", "version", "eventId", "createdAt", "lastModified", "accountNumber", "userId", "correlationId", "account"];
        Assert.All(events, e => Assert.Empty(flat.Except(e.EnumerateObject().Select(member => member.Name))));
        Assert.Equal(4, events.Select(e => e.GetProperty("eventId").GetString()).Distinct().Count());
        Assert.Equal("the card is lost", events[3].GetProperty("reason").GetString());
        Assert.Equal((1, true), (events[0].GetProperty("userId").GetInt64(), events[0].GetProperty("defaultAccount").GetBoolean()));
        Assert.Equal(
            ["ACCOUNT_PENDING 1", "ACCOUNT_CONFIRMED 2", "ACCOUNT_ACTIVE 3", "ACCOUNT_SUSPENDED 4"],
            events.Select(e => $"{e.GetProperty("account").GetProperty("status")} {e.GetProperty("account").GetProperty("version")}"));
        Assert.Equal(account.Account, string.Join(',', events[3].GetProperty("account").EnumerateObject().Select(member => member.ToString())));
        var times = events.Select(e => e.GetProperty("createdAt").GetInt64()).ToList();
        Assert.Equal(times.Order(), times);
        Assert.All(events, e => Assert.Equal(e.GetProperty("createdAt").GetInt64(), e.GetProperty("lastModified").GetInt64()));
    }

    [Fact]
    public async Task Commands_and_queries_show_the_same_account_and_offer_the_same_commands()
    {
        var number = await _accounts.Alive();
        var suspended = (await _accounts.Command(number, "suspend")).Is(200);
        var shown = await _accounts.Shown(number, 4);
        var fromLog = (await _accounts.Ask(HttpMethod.Get, new Uri(_accounts.Commands, $"/v1/accounts/{number}/commands"))).Is(200);
        var fromView = (await _accounts.Read($"/v1/accounts/{number}/commands")).Is(200);

        Assert.Equal(suspended.Account, shown.Account);
        Assert.Equal(["activate", "archive", "clear-default"], suspended.Offered);
        foreach (var answer in new[] { shown, fromLog, fromView })
        {
            Assert.Equal(suspended.Offered, answer.Offered);
            Assert.Equal(4, answer.Version);
        }

        foreach (var answer in new[] { fromLog, fromView })
        {
            Assert.Equal(["_links"], answer.Json.EnumerateObject().Select(member => member.Name));
        }

        Assert.Equal(suspended["Account-Position"], shown["Account-Position"]);
        Assert.Equal(suspended["Account-Position"], fromView["Account-Position"]);
    }

    [Fact]
    public async Task A_new_account_is_at_the_absolute_address_that_its_answer_names()
    {
        var number = AccountSystem.NewNumber();
        var created = (await _accounts.Create(number)).Is(201);

        Assert.Equal(("application/json", "\"1\""), (created["Content-Type"], created["ETag"]));
        Assert.Matches("^[0-9]+:[0-9]+$", created["Account-Position"]!);
        var location = new Uri(created["Location"]!, UriKind.Absolute);
        Assert.EndsWith($"/v1/accounts/{number}", location.AbsolutePath, StringComparison.Ordinal);
        await _accounts.Shown(number, 1);
        Assert.Equal(number, (await _accounts.Ask(HttpMethod.Get, location)).Is(200).Json.GetProperty("accountNumber").GetString());
    }

    [Fact]
    public async Task Positions_of_an_account_grow_with_its_versions()
    {
        var number = await _accounts.Alive();
        var first = (await _accounts.Command(number, "suspend")).Is(200);
        var second = (await _accounts.Command(number, "activate")).Is(200);

        var (before, after) = (Position(first), Position(second));
        Assert.Equal((first.Version + 1, before.Partition), (second.Version, after.Partition));
        Assert.True(after.At > before.At);
    }

    [Fact]
    public async Task The_correlation_id_of_a_request_is_in_every_event_that_came_of_it_and_causes_are_named()
    {
        var number = AccountSystem.NewNumber();
        var created = await _accounts.Create(number, headers: [("X-Correlation-Id", "my-first-account"), ("X-Causation-Id", "a-form")]);
        Assert.Equal("my-first-account", created["X-Correlation-Id"]);
        await _accounts.Shown(number, 3);

        var events = await EventsUpTo(number, 3);

        Assert.All(events, e => Assert.Equal("my-first-account", e.GetProperty("correlationId").GetString()));
        Assert.Equal(
            (string?[])["a-form", events[0].GetProperty("eventId").GetString(), events[1].GetProperty("eventId").GetString()],
            events.Select(e => e.GetProperty("causationId").GetString()));
    }

    [Fact]
    public async Task A_request_without_a_correlation_id_gets_one()
    {
        var created = await _accounts.Create(AccountSystem.NewNumber());
        var read = await _accounts.Read("/v1/accounts/NOBODY");

        Assert.NotEmpty(created["X-Correlation-Id"]!);
        Assert.NotEmpty(read["X-Correlation-Id"]!);
        Assert.NotEqual(created["X-Correlation-Id"], read["X-Correlation-Id"]);
    }

    [Fact]
    public async Task A_command_that_rests_on_a_fact_that_is_gone_is_accepted_without_effect()
    {
        var number = await _accounts.Alive();

        var gone = (await _accounts.Command(number, "suspend", """{"if":{"status":"ACCOUNT_CONFIRMED"}}""")).Is(200);
        var forbidden = (await _accounts.Command(number, "confirm", """{"if":{"status":"ACCOUNT_PENDING"}}""")).Is(200);
        var there = (await _accounts.Command(number, "suspend", """{"if":{"status":"ACCOUNT_ACTIVE","defaultAccount":false}}""")).Is(200);

        Assert.Equal((3, 3, 4), (gone.Version, forbidden.Version, there.Version));
    }

    private Task<IReadOnlyList<JsonElement>> EventsUpTo(string number, int version) => Eventually.Gives(async () =>
    {
        var events = await _accounts.Events(number);
        Assert.Equal(version, events.Count);
        return events;
    });

    private static (string Partition, long At) Position(Answer answer)
    {
        var parts = answer["Account-Position"]!.Split(':');
        return (parts[0], long.Parse(parts[1], CultureInfo.InvariantCulture));
    }
}
