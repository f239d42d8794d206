using System.Net;
using System.Text.Json;
using TestSupport;

namespace Accounts.Processor.Tests.RealProcesses;

/// <summary>A client of the query service who reads all views again and again; no answer may fail, and none may be behind an earlier one.</summary>
internal sealed class HttpReader(Uri queries, string account) : IDisposable
{
    // Often enough to see every step of a switch; without it the reader takes the processor time that the switch needs.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(10);

    private readonly HttpClient _http = new() { BaseAddress = queries };
    private readonly Dictionary<string, long> _versions = [];
    private readonly Dictionary<string, long> _told = [];
    private string _next = "/v1/events?limit=500";
    private long _accounts;

    /// <summary>How often everything was read.</summary>
    public int Rounds { get; private set; }

    /// <summary>How many events the feed has told.</summary>
    public long Events => _told.Values.Sum();

    public Task Ready() => Eventually.Holds(async () => Assert.Equal(200, (int)(await _http.GetAsync("/healthz/ready")).StatusCode));

    public async Task Read(CancellationToken until)
    {
        while (!until.IsCancellationRequested)
        {
            await ReadOnce();
            Rounds++;
            await Task.Delay(Rest, CancellationToken.None);
        }
    }

    public async Task ReadOnce()
    {
        NoOlder("account", await Json($"/v1/accounts/{account}"));
        foreach (var item in (await Json("/v1/accounts?limit=20")).GetProperty("items").EnumerateArray())
        {
            NoOlder("list", item);
        }

        var accounts = (await Json("/v1/accounts/counts")).GetProperty("total").GetInt64();
        Assert.True(accounts >= _accounts, $"There were {_accounts} accounts, and now {accounts}.");
        _accounts = accounts;
        await ReadFeed();
    }

    public void Dispose() => _http.Dispose();

    private async Task ReadFeed()
    {
        var page = await Json(_next);
        foreach (var told in page.GetProperty("items").EnumerateArray())
        {
            // Every event of an account, once and in order.
            var number = told.GetProperty("accountNumber").GetString()!;
            Assert.Equal((number, _told.GetValueOrDefault(number) + 1), (number, told.GetProperty("version").GetInt64()));
            _told[number] = told.GetProperty("version").GetInt64();
        }

        _next = $"/v1/events?limit=500&after={Uri.EscapeDataString(page.GetProperty("next").GetString()!)}";
    }

    private void NoOlder(string where, JsonElement shown)
    {
        var (key, version) = ($"{where} {shown.GetProperty("accountNumber")}", shown.GetProperty("version").GetInt64());
        Assert.True(version >= _versions.GetValueOrDefault(key), $"{key} went from {_versions.GetValueOrDefault(key)} back to {version}.");
        _versions[key] = version;
    }

    private async Task<JsonElement> Json(string path)
    {
        using var answer = await _http.GetAsync(path);
        var body = await answer.Content.ReadAsByteArrayAsync();
        Assert.Equal((path, HttpStatusCode.OK), (path, answer.StatusCode));
        return JsonElement.Parse(body);
    }
}
