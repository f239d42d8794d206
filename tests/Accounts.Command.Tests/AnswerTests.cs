using System.Text.Json;
using Accounts.Domain;
using EventLog;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Accounts.Command.Tests;

/// <summary>What each outcome looks like over HTTP.</summary>
public class AnswerTests
{
    private static readonly Account Pending = new(10, 20, 1, "123456", true, AccountStatus.Pending);
    private static readonly AccountCommand Create = new AccountCommand.Create("123456", 1, true);
    private static readonly AccountCommand Confirm = new AccountCommand.Confirm();
    private static readonly ServiceProvider Services = new ServiceCollection().AddLogging().AddMetrics().AddSingleton<CommandMetrics>().BuildServiceProvider();
    private static readonly Answers Reading = new("https://accounts.example", Services.GetRequiredService<CommandMetrics>());
    private readonly DefaultHttpContext _context = new() { RequestServices = Services };

    [Fact]
    public async Task A_created_account_is_named_by_an_absolute_address_where_it_is_read()
    {
        var body = await Answer(Create, new(OutcomeKind.Appended, null, Pending, 1, new(3, 118)));

        Assert.Equal(201, _context.Response.StatusCode);
        Assert.Equal("https://accounts.example/v1/accounts/123456", _context.Response.Headers.Location);
        Assert.Equal("\"1\"", _context.Response.Headers.ETag);
        Assert.Equal("3:118", _context.Response.Headers["Account-Position"]);
        Assert.Equal("application/json", _context.Response.ContentType);
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse("""
                {"createdAt":10,"lastModified":20,"userId":1,"accountNumber":"123456","defaultAccount":true,"status":"ACCOUNT_PENDING","version":1,
                 "_links":{
                   "self":{"href":"https://accounts.example/v1/accounts/123456"},
                   "events":{"href":"https://accounts.example/v1/accounts/123456/events"},
                   "confirm":{"href":"/v1/accounts/123456/commands/confirm"},
                   "make-default":{"href":"/v1/accounts/123456/commands/make-default"},
                   "clear-default":{"href":"/v1/accounts/123456/commands/clear-default"}}}
                """),
            body), body.GetRawText());
    }

    [Theory]
    [InlineData(OutcomeKind.Appended)]
    [InlineData(OutcomeKind.AlreadySo)]
    public async Task A_command_that_is_accepted_answers_the_account_after_it(OutcomeKind kind)
    {
        var body = await Answer(Confirm, new(kind, null, Pending with { Status = AccountStatus.Confirmed }, 2, new(3, 119)));

        Assert.Equal(200, _context.Response.StatusCode);
        Assert.Equal("\"2\"", _context.Response.Headers.ETag);
        Assert.Equal(("ACCOUNT_CONFIRMED", 2), (body.GetProperty("status").GetString(), body.GetProperty("version").GetInt64()));
        Assert.Equal("", _context.Response.Headers.Location.ToString());
    }

    [Fact]
    public async Task A_client_that_prefers_HAL_gets_it()
    {
        _context.Request.Headers.Accept = "application/json;q=0.5, application/hal+json";

        await Answer(Confirm, new(OutcomeKind.AlreadySo, null, Pending, 1, new(3, 1)));

        Assert.Equal("application/hal+json", _context.Response.ContentType);
    }

    [Fact]
    public async Task A_number_that_is_taken_is_a_conflict()
    {
        var body = await Answer(Create, new(OutcomeKind.Refused, Refusals.NumberTaken, Pending, 1, new(3, 118)));

        Refused(409, "number-taken", body);
    }

    [Fact]
    public async Task A_status_that_forbids_the_command_is_named_with_the_commands_that_are_legal()
    {
        var body = await Answer(Confirm, new(OutcomeKind.Refused, Refusals.WrongStatus, Pending with { Status = AccountStatus.Active }, 3, new(3, 118)));

        Refused(409, "wrong-status", body);
        Assert.Equal("ACCOUNT_ACTIVE", body.GetProperty("currentStatus").GetString());
        Assert.Equal(["suspend", "archive", "make-default", "clear-default"], body.GetProperty("allowedCommands").EnumerateArray().Select(c => c.GetString()));
        Assert.Equal("\"3\"", _context.Response.Headers.ETag);
    }

    [Fact]
    public async Task An_account_that_is_not_there_has_no_version_but_a_position_at_which_it_was_not_there()
    {
        var body = await Answer(Confirm, new(OutcomeKind.Refused, Refusals.NotFound, null, 0, new(3, 118)));

        Refused(404, "unknown-account", body);
        Assert.Equal("", _context.Response.Headers.ETag.ToString());
        Assert.Equal("3:118", _context.Response.Headers["Account-Position"]);
    }

    [Fact]
    public async Task A_condition_on_an_account_that_is_not_there_does_not_hide_that()
    {
        Refused(404, "unknown-account", await Answer(Confirm, new(OutcomeKind.VersionMismatch, null, null, 0, new(3, 118))));
    }

    [Fact]
    public async Task Another_version_fails_the_condition()
    {
        Refused(412, "version-mismatch", await Answer(Confirm, new(OutcomeKind.VersionMismatch, null, Pending, 1, new(3, 118))));
    }

    [Fact]
    public async Task A_key_that_was_used_for_another_command_is_refused()
    {
        Refused(422, "idempotency-key-reused", await Answer(Confirm, new(OutcomeKind.KeyReused, null, Pending, 1, new(3, 118))));
    }

    [Fact]
    public async Task A_stopped_account_waits()
    {
        var body = await Answer(Confirm, new(OutcomeKind.Stopped, null, null, 7, new(3, 118)));

        Refused(503, "account-stopped", body);
        Assert.Equal("not-done", body.GetProperty("outcome").GetString());
    }

    [Theory]
    [InlineData(true, "not-done", "")]
    [InlineData(false, "unknown", "my-key")]
    public async Task An_unknown_outcome_gives_the_key_to_ask_with(bool notDone, string outcome, string key)
    {
        _context.Response.Body = new MemoryStream();
        await Reading.Unavailable(_context, Confirm, new LogUnavailableException("my-key", notDone, "secret.internal:5432 is away")).ExecuteAsync(_context);

        var body = Body();
        Refused(503, "unavailable", body);
        Assert.Equal(outcome, body.GetProperty("outcome").GetString());
        Assert.Equal(key, _context.Response.Headers["Idempotency-Key"].ToString());
        Assert.InRange(int.Parse(_context.Response.Headers.RetryAfter!, System.Globalization.CultureInfo.InvariantCulture), 1, 5);
        Assert.DoesNotContain("secret", body.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Offered_are_just_the_legal_commands()
    {
        _context.Response.Body = new MemoryStream();
        await Answers.Offer(_context, new(OutcomeKind.AlreadySo, null, Pending, 1, new(3, 118))).ExecuteAsync(_context);

        Assert.Equal(
            """{"_links":{"confirm":{"href":"/v1/accounts/123456/commands/confirm"},"make-default":{"href":"/v1/accounts/123456/commands/make-default"},"clear-default":{"href":"/v1/accounts/123456/commands/clear-default"}}}""",
            Body().GetRawText());
    }

    private async Task<JsonElement> Answer(AccountCommand command, Outcome<Account> outcome)
    {
        _context.Response.Body = new MemoryStream();
        await Reading.Of(_context, command, outcome).ExecuteAsync(_context);
        return Body();
    }

    private JsonElement Body()
    {
        var body = (MemoryStream)_context.Response.Body;
        return JsonElement.Parse(body.ToArray());
    }

    private void Refused(int status, string type, JsonElement problem)
    {
        Assert.Equal("application/problem+json", _context.Response.ContentType);
        Assert.Equal(
            (status, status, "urn:accounts:problem:" + type),
            (_context.Response.StatusCode, problem.GetProperty("status").GetInt32(), problem.GetProperty("type").GetString()));
    }
}
