using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using TestSupport;

namespace SystemTests;

/// <summary>A running system, as clients see it: addresses, and requests to them.</summary>
public sealed class AccountSystem(Uri commands, Uri processor, Uri queries) : IDisposable
{
    private static readonly ImmutableDictionary<string, string[]> Ways = new Dictionary<string, string[]>
    {
        ["ACCOUNT_PENDING"] = [],
        ["ACCOUNT_CONFIRMED"] = ["confirm"],
        ["ACCOUNT_ACTIVE"] = ["confirm", "activate"],
        ["ACCOUNT_SUSPENDED"] = ["confirm", "activate", "suspend"],
        ["ACCOUNT_ARCHIVED"] = ["confirm", "activate", "archive"],
    }.ToImmutableDictionary();

    private static readonly string Run = Convert.ToHexString(BitConverter.GetBytes(Random.Shared.Next()));
    private static int _numbers;

    private readonly HttpClient _http = new(new DescribedAnswers()) { Timeout = TimeSpan.FromSeconds(30) };

    public Uri Commands { get; } = commands;

    public Uri Processor { get; } = processor;

    public Uri Queries { get; } = queries;

    /// <summary>A number that no account has, on whatever system.</summary>
    public static string NewNumber() => FormattableString.Invariant($"T-{Run}-{Interlocked.Increment(ref _numbers)}");

    /// <summary>What opens an account.</summary>
    public static string Opening(string number, long userId = 1, bool isDefault = false) =>
        FormattableString.Invariant($$"""{"userId":{{userId}},"accountNumber":"{{number}}","defaultAccount":{{(isDefault ? "true" : "false")}}}""");

    public Task<Answer> Create(string number, bool isDefault = false, params (string Name, string Value)[] headers) =>
        Ask(HttpMethod.Post, At(Commands, "/v1/accounts"), Opening(number, isDefault: isDefault), headers);

    public Task<Answer> Command(string number, string name, string? body = null, params (string Name, string Value)[] headers) =>
        Ask(HttpMethod.Post, At(Commands, $"/v1/accounts/{number}/commands/{name}"), body, headers);

    /// <summary>GET from the query service.</summary>
    public Task<Answer> Read(string path, params (string Name, string Value)[] headers) => Ask(HttpMethod.Get, At(Queries, path), null, headers);

    /// <summary>Sends a request; the body, if any, as JSON.</summary>
    public async Task<Answer> Ask(HttpMethod method, Uri address, string? body = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, address);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        foreach (var (name, value) in headers)
        {
            if (name == "Content-Type")
            {
                request.Content!.Headers.ContentType = MediaTypeHeaderValue.Parse(value);
            }
            else
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        var started = Stopwatch.GetTimestamp();
        using var response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return new Answer(
            (int)response.StatusCode,
            response.Headers.Concat(response.Content.Headers).ToImmutableDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase),
            text,
            Stopwatch.GetElapsedTime(started));
    }

    /// <summary>Waits until every service says that it is ready.</summary>
    public async Task Ready()
    {
        foreach (var service in new[] { Commands, Processor, Queries })
        {
            await Eventually.Holds(
                async () =>
                {
                    var answer = await Ask(HttpMethod.Get, At(service, "/healthz/ready"));
                    Assert.True(answer.Status == 200, $"{service} is not ready: {answer.Text}");
                },
                TimeSpan.FromSeconds(30));
        }
    }

    /// <summary>Waits until the view shows the account at this version or a later one.</summary>
    public async Task<Answer> Shown(string number, long version, TimeSpan? within = null)
    {
        try
        {
            return await Eventually.Gives(
                async () =>
                {
                    var answer = await Read($"/v1/accounts/{number}");
                    Assert.True(answer.Status == 200 && answer.Version >= version, $"{number} is to be shown at version {version}: {answer.Status} {answer.Text}");
                    return answer;
                },
                within);
        }
        catch (TimeoutException late)
        {
            // Which part is late: the log, a policy, a view, or all of the processor.
            var log = await Ask(HttpMethod.Get, At(Commands, $"/v1/accounts/{number}/commands"));
            var functions = await Ask(HttpMethod.Get, At(Processor, "/healthz/ready"));
            throw new TimeoutException(
                $"{late.Message}\nIn the log: {log.Status} {log.Text}, version {log.Version} at {log["Account-Position"]}.\nThe processor: {functions.Status} {functions.Text}", late);
        }
    }

    /// <summary>Opens an account and waits until the policies have activated it; gives its number.</summary>
    public async Task<string> Alive(bool isDefault = false)
    {
        var number = NewNumber();
        (await Create(number, isDefault)).Is(201);
        await Shown(number, 3);

        // Another function fills the history, in its own time.
        (await Read($"/v1/accounts/{number}/events?minVersion=3", ("Prefer", "wait=10"))).Is(200);
        return number;
    }

    /// <summary>Opens an account and sends the commands that bring it to a status, where no policy does; gives its number.</summary>
    public async Task<string> Brought(string status, bool isDefault)
    {
        var number = NewNumber();
        (await Create(number, isDefault)).Is(201);
        foreach (var command in Ways[status])
        {
            (await Command(number, command)).Is(200);
        }

        return number;
    }

    /// <summary>All events of an account, as the view has them now, over all pages.</summary>
    public async Task<IReadOnlyList<JsonElement>> Events(string number)
    {
        var events = new List<JsonElement>();
        for (var next = $"/v1/accounts/{number}/events"; next is not null;)
        {
            var page = (await Read(next)).Is(200);
            events.AddRange(page.Json.GetProperty("items").EnumerateArray());
            next = page["Link"]?.Split('<', '>')[1];
        }

        return events;
    }

    /// <summary>The address of a path on a service.</summary>
    public static Uri At(Uri service, string path) => new(service, path);

    public void Dispose() => _http.Dispose();
}
