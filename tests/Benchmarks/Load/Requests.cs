using System.Text.Unicode;

namespace Benchmarks;

/// <summary>Writes the requests of one connection, one after the other.</summary>
/// <param name="plan">The run.</param>
/// <param name="connection">The connection's number.</param>
/// <param name="host">The server, for the header.</param>
internal sealed class Requests(LoadPlan plan, int connection, string host)
{
    private const int Users = 100_000;

    // Each has an effect after the one before it.
    private static readonly string[] Life =
        ["create", "confirm", "activate", "make-default", "suspend", "activate", "clear-default", "archive"];

    private int _step = Life.Length;
    private long _count;

    /// <summary>The account that the last request was about.</summary>
    public string Account { get; private set; } = "";

    /// <summary>The account that all change in <see cref="Workload.Hot"/>.</summary>
    public static string Hot(string prefix) => $"{prefix}-HOT";

    /// <summary>Writes the next request and returns its length.</summary>
    /// <param name="buffer">Where to.</param>
    /// <param name="lastFailed">The request before was not done: its account is left alone.</param>
    public int Write(Span<byte> buffer, bool lastFailed)
    {
        _count++;
        switch (plan.Workload)
        {
            case Workload.Read:
                return Get(buffer, plan.Paths[(int)((connection + (_count * plan.Connections)) % plan.Paths.Count)]);
            case Workload.Hot:
                Account = Hot(plan.Prefix);
                return Change(buffer, (_count & 1) == 0 ? "make-default" : "clear-default", $"\r\nIdempotency-Key: {connection}-{_count}");
            case Workload.Mixed when !lastFailed && _step < Life.Length - 1:
                return Change(buffer, Life[++_step], "");
            default:
                _step = 0;
                Account = $"{plan.Prefix}-{connection}-{_count}";
                return Create(buffer);
        }
    }

    private int Get(Span<byte> buffer, string path)
    {
        Utf8.TryWrite(buffer, $"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n", out var written);
        return written;
    }

    private int Create(Span<byte> buffer)
    {
        Span<byte> body = stackalloc byte[160];

        // A policy clears the other defaults of a user: it would add events of its own to those of the lives.
        var user = plan.Workload is Workload.Mixed ? plan.FirstUser + (connection * 1_000_000L) + _count : ((connection * 7919L) + _count) % Users;
        Utf8.TryWrite(body, $$"""{"userId":{{user}},"accountNumber":"{{Account}}","defaultAccount":false}""", out var length);
        Utf8.TryWrite(buffer, $"POST /v1/accounts HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n", out var written);
        body[..length].CopyTo(buffer[written..]);
        return written + length;
    }

    private int Change(Span<byte> buffer, string command, string header)
    {
        Utf8.TryWrite(buffer, $"POST /v1/accounts/{Account}/commands/{command} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0{header}\r\n\r\n", out var written);
        return written;
    }
}
