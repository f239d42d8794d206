using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Accounts.Command.Tests;

/// <summary>What is refused before the log is asked, and what is said when there is no log.</summary>
public class RequestTests(LonelyService service) : IClassFixture<LonelyService>
{
    private const string Valid = """{"userId":1,"accountNumber":"123456","defaultAccount":true}""";

    [Theory]
    [InlineData("", "$")]
    [InlineData("{", "$")]
    [InlineData("""{"userId":1,"accountNumber":"1","defaultAccount":true} x""", "$")]
    [InlineData("[]", "$")]
    [InlineData("null", "$")]
    [InlineData("\"\"", "$")]
    [InlineData("{}", "accountNumber,defaultAccount,userId")]
    [InlineData("""{"userId":1,"accountNumber":"123456"}""", "defaultAccount")]
    [InlineData("""{"userId":null,"accountNumber":null,"defaultAccount":null}""", "accountNumber,defaultAccount,userId")]
    [InlineData("""{"userId":"1","accountNumber":1,"defaultAccount":"true"}""", "accountNumber,defaultAccount,userId")]
    [InlineData("""{"userId":1.5,"accountNumber":"123456","defaultAccount":0}""", "defaultAccount,userId")]
    [InlineData("""{"userId":-1,"accountNumber":"123456","defaultAccount":true}""", "userId")]
    [InlineData("""{"userId":9007199254740992,"accountNumber":"123456","defaultAccount":true}""", "userId")]
    [InlineData("""{"userId":1e400,"accountNumber":"123456","defaultAccount":true}""", "userId")]
    [InlineData("""{"userId":1,"accountNumber":"abc","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"01234567890123456789012345678901234","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"COUNTS","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"STREAM","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"IMPORT","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"123456","defaultAccount":true,"status":"ACCOUNT_ACTIVE"}""", "status")]
    [InlineData("""{"userId":1,"UserId":1,"accountNumber":"123456","defaultAccount":true}""", "UserId")]
    [InlineData("""{"userId":1,"userId":1,"accountNumber":"123456","defaultAccount":true}""", "userId")]
    [InlineData("""{"userId":1,"accountNumber":"\ud800","defaultAccount":true}""", "accountNumber")]
    [InlineData("""{"userId":1,"accountNumber":"123456","defaultAccount":true,"\ud800":1}""", "$")]
    [InlineData("""{"x":1,"userId":"1","accountNumber":"a"}""", "accountNumber,defaultAccount,userId,x")]
    public async Task A_malformed_create_lists_every_field_that_is_wrong(string body, string fields) =>
        Assert.Equal(fields.Split(','), await WrongFields(await Post("/v1/accounts", body)));

    [Theory]
    [InlineData("[]", "$")]
    [InlineData("x", "$")]
    [InlineData("""{"reason":1}""", "reason")]
    [InlineData("""{"reason":"a\u0000b"}""", "reason")]
    [InlineData("""{"why":"because"}""", "why")]
    [InlineData("""{"if":"ACCOUNT_ACTIVE"}""", "if")]
    [InlineData("""{"if":{"status":"ACTIVE"}}""", "if.status")]
    [InlineData("""{"if":{"status":3,"defaultAccount":"yes","version":1}}""", "if.defaultAccount,if.status,if.version")]
    [InlineData("""{"if":{"status":"ACCOUNT_ACTIVE","status":"ACCOUNT_ACTIVE"}}""", "if.status")]
    public async Task A_malformed_command_lists_every_field_that_is_wrong(string body, string fields) =>
        Assert.Equal(fields.Split(','), await WrongFields(await Post("/v1/accounts/123456/commands/confirm", body)));

    [Theory]
    [InlineData(500, true)]
    [InlineData(501, false)]
    public async Task A_reason_has_at_most_500_characters(int length, bool taken)
    {
        using var answer = await Post("/v1/accounts/123456/commands/confirm", $$"""{"reason":"{{new string('é', length)}}"}""");

        Assert.Equal(taken ? HttpStatusCode.ServiceUnavailable : HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory]
    [InlineData("Idempotency-Key", "\"open")]
    [InlineData("Idempotency-Key", "\"\"")]
    [InlineData("Idempotency-Key", "a b")]
    [InlineData("Idempotency-Key", "a, b")]
    [InlineData("Idempotency-Key", "\"a\\b\"")]
    [InlineData("If-Match", "3")]
    [InlineData("If-Match", "W/\"3\"")]
    [InlineData("If-Match", "\"3\", \"4\"")]
    [InlineData("If-Match", "\"3")]
    [InlineData("X-Correlation-Id", "a b")]
    [InlineData("X-Correlation-Id", "")]
    [InlineData("X-Causation-Id", "a b")]
    public async Task A_malformed_header_is_listed_like_a_field(string header, string value)
    {
        using var answer = await Post("/v1/accounts", Valid, request => request.Headers.TryAddWithoutValidation(header, value));

        Assert.Equal([header], await WrongFields(answer));
    }

    [Theory]
    [InlineData("Idempotency-Key", 255, 256)]
    [InlineData("X-Correlation-Id", 128, 129)]
    public async Task A_header_has_a_greatest_length(string header, int longest, int tooLong)
    {
        using var taken = await Post("/v1/accounts", Valid, request => request.Headers.Add(header, new string('k', longest)));
        using var refused = await Post("/v1/accounts", Valid, request => request.Headers.Add(header, new string('k', tooLong)));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, taken.StatusCode);
        Assert.Equal([header], await WrongFields(refused));
    }

    [Fact]
    public async Task Wrong_headers_and_fields_are_listed_together()
    {
        using var answer = await Post("/v1/accounts", "{}", request => request.Headers.TryAddWithoutValidation("If-Match", "3"));

        Assert.Equal(["If-Match", "accountNumber", "defaultAccount", "userId"], await WrongFields(answer));
    }

    [Theory]
    [InlineData("POST", "/v1/accounts/123456/commands/explode", 404, "unknown-command")]
    [InlineData("POST", "/v1/accounts/123456/commands/create", 404, "unknown-command")]
    [InlineData("POST", "/v1/accounts/abc/commands/confirm", 404, "unknown-account")]
    [InlineData("POST", "/v1/accounts/COUNTS/commands/confirm", 404, "unknown-account")]
    [InlineData("GET", "/v1/accounts/abc/commands", 404, "unknown-account")]
    [InlineData("GET", "/v1/nothing", 404, "unknown-address")]
    [InlineData("GET", "/", 404, "unknown-address")]
    [InlineData("GET", "/v1/accounts", 405, "method-not-allowed")]
    [InlineData("DELETE", "/v1/accounts", 405, "method-not-allowed")]
    [InlineData("GET", "/v1/accounts/123456/commands/confirm", 405, "method-not-allowed")]
    [InlineData("GET", "/v1/accounts/123456/commands/explode", 405, "method-not-allowed")]
    [InlineData("POST", "/v1/accounts/123456/commands", 405, "method-not-allowed")]
    [InlineData("GET", "/v1/accounts/123456/commands", 503, "unavailable")]
    public async Task An_address_or_method_that_is_not_there_is_a_problem(string method, string path, int status, string type)
    {
        using var answer = await service.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), Stop);

        var problem = await Problem(answer);
        Assert.Equal((status, "urn:accounts:problem:" + type), ((int)answer.StatusCode, problem.GetProperty("type").GetString()));
        Assert.Equal(status == 405, answer.Content.Headers.Allow.Count > 0);
    }

    [Theory]
    [InlineData("text/html", 406)]
    [InlineData("application/xml, text/*;q=0.5", 406)]
    [InlineData("application/json;q=0", 406)]
    [InlineData("nonsense", 406)]
    [InlineData("application/json", 503)]
    [InlineData("application/hal+json", 503)]
    [InlineData("text/html, application/*;q=0.1", 503)]
    [InlineData("*/*", 503)]
    public async Task Answers_are_JSON_or_HAL_and_nothing_else(string accept, int status)
    {
        using var answer = await Post("/v1/accounts", Valid, request => request.Headers.TryAddWithoutValidation("Accept", accept));

        Assert.Equal(status, (int)(await Problem(answer)).GetProperty("status").GetInt32());
    }

    [Theory]
    [InlineData("text/plain", 415)]
    [InlineData("application/json; charset=iso-8859-1", 415)]
    [InlineData(null, 415)]
    [InlineData("application/json", 503)]
    [InlineData("application/json; charset=UTF-8", 503)]
    public async Task Bodies_are_JSON_in_UTF_8(string? contentType, int status)
    {
        using var create = await Post("/v1/accounts", Valid, request => request.Content!.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType));
        using var change = await Post("/v1/accounts/1/commands/confirm", "{}", request => request.Content!.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType));

        Assert.Equal((status, status), ((await Problem(create)).GetProperty("status").GetInt32(), (await Problem(change)).GetProperty("status").GetInt32()));
    }

    [Fact]
    public async Task Bodies_come_unpacked()
    {
        using var answer = await Post("/v1/accounts", Valid, request => request.Content!.Headers.ContentEncoding.Add("gzip"));

        Assert.Equal(415, (await Problem(answer)).GetProperty("status").GetInt32());
    }

    [Theory]
    [InlineData(64 * 1024, false, 400)]
    [InlineData((64 * 1024) + 1, false, 413)]
    [InlineData(1024 * 1024, false, 413)]
    [InlineData(1024 * 1024, true, 413)]
    public async Task A_body_has_at_most_64_KiB(int size, bool chunked, int status)
    {
        using var answer = await Post("/v1/accounts", new string(' ', size), request => request.Headers.TransferEncodingChunked = chunked);

        Assert.Equal(status, (await Problem(answer)).GetProperty("status").GetInt32());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("mine-1")]
    public async Task Without_a_log_a_command_is_not_done_and_may_be_tried_again_soon(string? key)
    {
        using var answer = await Post("/v1/accounts/123456/commands/confirm", "", request =>
        {
            request.Content = null;
            if (key is not null)
            {
                request.Headers.Add("Idempotency-Key", key);
            }
        });

        var problem = await Problem(answer);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("not-done", problem.GetProperty("outcome").GetString());
        Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 5);
    }

    [Fact]
    public async Task The_correlation_id_comes_back_or_is_made()
    {
        using var given = await Post("/v1/accounts", "{}", request => request.Headers.Add("X-Correlation-Id", "mine"));
        using var made = await Post("/v1/accounts", "{}");

        Assert.Equal("mine", Assert.Single(given.Headers.GetValues("X-Correlation-Id")));
        Assert.Matches("^[0-9a-f]{32}$", Assert.Single(made.Headers.GetValues("X-Correlation-Id")));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<HttpResponseMessage> Post(string path, string body, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        change?.Invoke(request);
        return await service.Client.SendAsync(request, Stop);
    }

    private static async Task<JsonElement> Problem(HttpResponseMessage answer)
    {
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonElement.Parse(await answer.Content.ReadAsStringAsync(Stop));
        Assert.Equal((int)answer.StatusCode, problem.GetProperty("status").GetInt32());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.Matches("^[0-9a-f]{32}$", problem.GetProperty("traceId").GetString()!);
        return problem;
    }

    private static async Task<IEnumerable<string>> WrongFields(HttpResponseMessage answer)
    {
        var problem = await Problem(answer);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal("urn:accounts:problem:invalid-request", problem.GetProperty("type").GetString());
        return problem.GetProperty("errors").EnumerateObject().Select(e => e.Name).Order(StringComparer.Ordinal);
    }
}
