namespace SystemTests;

/// <summary>What is refused, with which status and which problem.</summary>
public class RefusalTests(SharedSystem shared)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    [Theory]
    [InlineData("{", "$")]
    [InlineData("", "$")]
    [InlineData("[]", "$")]
    [InlineData("{}", "accountNumber,defaultAccount,userId")]
    [InlineData("""{"userId":"1","accountNumber":1,"defaultAccount":"true"}""", "accountNumber,defaultAccount,userId")]
    [InlineData("""{"userId":1.5,"accountNumber":"1","defaultAccount":true}""", "userId")]
    [InlineData("""{"userId":9007199254740992,"accountNumber":"1","defaultAccount":true}""", "userId")]
    [InlineData("""{"userId":-1,"accountNumber":"1","defaultAccount":true}""", "userId")]
    [InlineData("""{"userId":1,"accountNumber":"lower","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"01234567890123456789012345678901234","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"COUNTS","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"STREAM","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"IMPORT","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"1","defaultAccount":true,"colour":"red"}""", "colour")]
    public async Task A_malformed_request_is_answered_with_one_entry_for_each_field(string body, string fields)
    {
        var answer = (await _accounts.Ask(HttpMethod.Post, new Uri(_accounts.Commands, "/v1/accounts"), body)).IsProblem(400, "invalid-request");

        Assert.Equal(fields.Split(','), answer.Json.GetProperty("errors").EnumerateObject().Select(error => error.Name).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("If-Match", "3")]
    [InlineData("Idempotency-Key", "a b")]
    public async Task A_malformed_header_is_an_entry_too(string header, string value)
    {
        var answer = (await _accounts.Create(AccountSystem.NewNumber(), headers: [(header, value)])).IsProblem(400, "invalid-request");

        Assert.Equal([header], answer.Json.GetProperty("errors").EnumerateObject().Select(error => error.Name));
    }

    [Theory]
    [InlineData("?after=-1")]
    [InlineData("?after=x")]
    [InlineData("?after=99999999999999999999")]
    public async Task A_page_after_no_version_is_refused(string query) =>
        (await _accounts.Read("/v1/accounts/1/events" + query)).IsProblem(400, "invalid-request");

    [Fact]
    public async Task An_account_that_is_not_there_is_unknown_to_both_services()
    {
        var number = AccountSystem.NewNumber();

        (await _accounts.Command(number, "confirm")).IsProblem(404, "unknown-account");
        (await _accounts.Ask(HttpMethod.Get, new Uri(_accounts.Commands, $"/v1/accounts/{number}/commands"))).IsProblem(404, "unknown-account");
        (await _accounts.Read($"/v1/accounts/{number}")).IsProblem(404, "unknown-account");
        (await _accounts.Read($"/v1/accounts/{number}/events")).IsProblem(404, "unknown-account");
        (await _accounts.Read($"/v1/accounts/{number}/commands")).IsProblem(404, "unknown-account");
        (await _accounts.Read("/v1/accounts/no%20such%2Fnumber")).Is(404);
    }

    [Fact]
    public async Task A_command_and_an_address_that_are_not_there_are_unknown()
    {
        var number = await _accounts.Alive();

        (await _accounts.Command(number, "explode")).IsProblem(404, "unknown-command");
        (await _accounts.Ask(HttpMethod.Get, new Uri(_accounts.Commands, "/v1/nothing"))).IsProblem(404, "unknown-address");
        (await _accounts.Read("/v1/nothing")).IsProblem(404, "unknown-address");
    }

    [Theory]
    [InlineData("POST", "/v1/accounts/1")]
    [InlineData("PUT", "/v1/accounts/1")]
    [InlineData("PATCH", "/v1/accounts/1")]
    [InlineData("DELETE", "/v1/accounts/1")]
    [InlineData("POST", "/v1/accounts")]
    [InlineData("POST", "/v1/accounts/1/commands/confirm")]
    [InlineData("POST", "/v1/accounts/1/events")]
    [InlineData("DELETE", "/v1/anything")]
    public async Task Queries_refuse_every_method_that_could_change_something(string method, string path)
    {
        var answer = (await _accounts.Ask(new HttpMethod(method), new Uri(_accounts.Queries, path), method == "DELETE" ? null : "{}")).IsProblem(405, "method-not-allowed");

        Assert.Equal("GET, HEAD", answer["Allow"]);
    }

    [Fact]
    public async Task Commands_are_posted_and_nothing_else()
    {
        var number = await _accounts.Alive();
        var command = $"/v1/accounts/{number}/commands/suspend";

        foreach (var service in new[] { _accounts.Commands, _accounts.Queries })
        {
            var answer = (await _accounts.Ask(HttpMethod.Get, new Uri(service, command))).IsProblem(405, "method-not-allowed");
            Assert.Equal("POST", answer["Allow"]);
        }

        (await _accounts.Ask(HttpMethod.Delete, new Uri(_accounts.Commands, command))).IsProblem(405, "method-not-allowed");
        (await _accounts.Ask(HttpMethod.Put, new Uri(_accounts.Commands, "/v1/accounts"), "{}")).IsProblem(405, "method-not-allowed");
        Assert.Equal(3, (await _accounts.Shown(number, 3)).Version);
    }

    [Fact]
    public async Task Answers_are_JSON_or_HAL_and_nothing_else()
    {
        var number = await _accounts.Alive();

        (await _accounts.Read($"/v1/accounts/{number}", ("Accept", "text/html"))).IsProblem(406, "not-acceptable");
        (await _accounts.Command(number, "suspend", null, ("Accept", "text/html"))).IsProblem(406, "not-acceptable");
        Assert.Equal("application/hal+json", (await _accounts.Read($"/v1/accounts/{number}", ("Accept", "application/hal+json"))).Is(200)["Content-Type"]);
        Assert.Equal(3, (await _accounts.Shown(number, 3)).Version);
    }

    [Fact]
    public async Task A_number_is_taken_also_by_an_equal_account()
    {
        var number = AccountSystem.NewNumber();
        (await _accounts.Create(number)).Is(201);

        (await _accounts.Create(number)).IsProblem(409, "number-taken");
        (await _accounts.Create(number, isDefault: true)).IsProblem(409, "number-taken");
    }

    [Fact]
    public async Task A_status_that_forbids_a_command_is_named_with_the_commands_that_it_allows()
    {
        var number = await _accounts.Alive();

        var answer = (await _accounts.Command(number, "confirm")).IsProblem(409, "wrong-status");

        Assert.Equal("ACCOUNT_ACTIVE", answer.Json.GetProperty("currentStatus").GetString());
        Assert.Equal(["suspend", "archive", "make-default", "clear-default"], answer.Json.GetProperty("allowedCommands").EnumerateArray().Select(command => command.GetString()));
    }

    [Fact]
    public async Task A_version_that_is_gone_fails_the_condition()
    {
        var number = await _accounts.Alive();

        (await _accounts.Command(number, "suspend", null, ("If-Match", "\"2\""))).IsProblem(412, "version-mismatch");
        (await _accounts.Command(number, "suspend", null, ("If-Match", "\"other\""))).IsProblem(412, "version-mismatch");
        (await _accounts.Command(number, "suspend", null, ("If-Match", "\"3\""))).Is(200);
        (await _accounts.Command(number, "activate", null, ("If-Match", "*"))).Is(200);
    }

    [Fact]
    public async Task A_body_over_64_KiB_is_too_large()
    {
        var create = new Uri(_accounts.Commands, "/v1/accounts");

        (await _accounts.Ask(HttpMethod.Post, create, new string(' ', 64 * 1024))).IsProblem(400, "invalid-request");
        (await _accounts.Ask(HttpMethod.Post, create, new string(' ', (64 * 1024) + 1))).IsProblem(413, "body-too-large");
    }

    [Fact]
    public async Task A_body_that_is_not_JSON_by_its_type_is_refused() =>
        (await _accounts.Create(AccountSystem.NewNumber(), headers: [("Content-Type", "text/plain")])).IsProblem(415, "unsupported-media-type");

    [Fact]
    public async Task A_key_that_came_before_with_another_command_is_refused()
    {
        var number = await _accounts.Alive();
        (await _accounts.Command(number, "suspend", null, ("Idempotency-Key", "k"))).Is(200);

        (await _accounts.Command(number, "activate", null, ("Idempotency-Key", "k"))).IsProblem(422, "idempotency-key-reused");
        (await _accounts.Command(number, "suspend", """{"reason":"another"}""", ("Idempotency-Key", "k"))).IsProblem(422, "idempotency-key-reused");
    }
}
