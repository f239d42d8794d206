using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using TestSupport;

namespace LongLife;

/// <summary>The command service alone, with its sidecar, on a log that is made as long as asked.</summary>
internal static class LongLog
{
    private const string Command = "accounts-command";

    // Longer than a writer waits before its head may follow, and one round of snapshots.
    private static readonly TimeSpan HeadFollows = TimeSpan.FromSeconds(45);

    /// <summary>Opens so many accounts, which is an event and a snapshot for each, and measures memory and starts on the way.</summary>
    public static async Task<Findings> MeasureAsync(int events)
    {
        using var folder = new TemporaryFolder();
        var start = new HostStart { RunFile = RunFileCopy.Write(folder.Location, only: [Command]), DataFolder = folder.At("data"), LivesLong = true };
        var findings = new Findings(events);
        await using (var host = await RunningHost.StartAsync(start))
        {
            using var http = new HttpClient { BaseAddress = host[Command].Address, Timeout = Timeout.InfiniteTimeSpan };
            await ReadyAsync(http);
            using var command = Process.GetProcessById(host[Command].ProcessId!.Value);
            var begun = Stopwatch.StartNew();
            findings.MemoryAtHalf = await OpenAsync(http, 0, events / 2, command);
            findings.MemoryAtEnd = await OpenAsync(http, events / 2, events, command);
            findings.Writing = begun.Elapsed;
            await host.KillAsync();
        }

        await using (var host = await RunningHost.StartAsync(start))
        {
            findings.StartInTheMidst = await FirstAnswerAsync(host);
            await Task.Delay(HeadFollows);
            await host.KillAsync();
        }

        await using (var host = await RunningHost.StartAsync(start))
        {
            findings.StartAfterKill = await FirstAnswerAsync(host);
            await host.StopAsync();
        }

        await using (var host = await RunningHost.StartAsync(start))
        {
            findings.Start = await FirstAnswerAsync(host);
        }

        return findings;
    }

    /// <summary>Imports accounts, and returns the most memory that the process had meanwhile.</summary>
    private static async Task<long> OpenAsync(HttpClient http, int from, int to, Process command)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/accounts/import") { Content = new Lines(from, to) };
        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        answer.EnsureSuccessStatusCode();
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var (opened, most) = (0, 0L);
        while (await lines.ReadLineAsync() is { } line)
        {
            if (!line.EndsWith("\"version\":1}", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"An account was not opened: {line}");
            }

            if (++opened % 5000 == 0)
            {
                command.Refresh();
                most = Math.Max(most, command.WorkingSet64);
                Console.Write($"\r{from + opened} events, {most >> 20} MB ");
            }
        }

        return opened == to - from ? most : throw new InvalidOperationException($"{opened} of {to - from} accounts were opened.");
    }

    /// <summary>From the birth of the service's process until it has answered a command on an account of the log.</summary>
    private static async Task<TimeSpan> FirstAnswerAsync(RunningHost host)
    {
        using var http = new HttpClient { BaseAddress = host[Command].Address };
        using var command = Process.GetProcessById(host[Command].ProcessId!.Value);
        await ReadyAsync(http);
        for (var i = 0; i < 64; i++)
        {
            await AnsweredAsync(() => http.PostAsync(new Uri($"/v1/accounts/{Number(i)}/commands/clear-default", UriKind.Relative), null), "a command is answered");
        }

        return DateTime.Now - command.StartTime;
    }

    private static Task ReadyAsync(HttpClient http) =>
        AnsweredAsync(() => http.GetAsync(new Uri("/healthz/ready", UriKind.Relative)), "the command service is ready");

    private static Task AnsweredAsync(Func<Task<HttpResponseMessage>> ask, string what) => Eventually.True(
        async () =>
        {
            try
            {
                using var answer = await ask();
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        },
        what,
        TimeSpan.FromMinutes(1));

    private static string Number(int i) => string.Create(CultureInfo.InvariantCulture, $"LONG-{i:D8}");

    /// <summary>The body of an import, made while it is sent.</summary>
    private sealed class Lines : HttpContent
    {
        private readonly int _from;
        private readonly int _to;

        public Lines(int from, int to)
        {
            (_from, _to) = (from, to);
            Headers.ContentType = new("application/x-ndjson");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await using var writer = new StreamWriter(stream, new UTF8Encoding(false), 1 << 16, leaveOpen: true);
            for (var i = _from; i < _to; i++)
            {
                await writer.WriteAsync(string.Create(CultureInfo.InvariantCulture, $"{{\"userId\":{i},\"accountNumber\":\"{Number(i)}\",\"defaultAccount\":false}}\n"));
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
