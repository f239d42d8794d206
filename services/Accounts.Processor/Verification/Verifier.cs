using System.Text.Json;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using EventLog;

namespace Accounts.Processor.Verification;

/// <summary>
/// Does the verifications that are asked for, one at a time. The row says which replica is at it; when that one is silent,
/// another begins anew.
/// </summary>
internal sealed class Verifier(Operator at, IReadOnlyList<Function> functions, RowWriter writer, string replica, ILogger logger)
{
    private const int EventsPerPortion = 100_000;
    private const int NamedRows = 100;
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, (long Beat, long SeenAt)> _beats = [];

    /// <summary>Looks whether there is something to do, and does it.</summary>
    public async Task LookAsync(CancellationToken cancellation)
    {
        var views = functions.OfType<Function.View>().ToDictionary(view => VerificationRow.Key(at.Log.Id, view.Name));
        var found = await at.Views.ReadManyAsync([.. views.Keys], cancellation);
        foreach (var (key, stored) in found)
        {
            var row = JsonSerializer.Deserialize(stored.Value.Span, ProcessorJson.Default.VerificationRow)!;
            if (row.State == "waiting" || (row.State == "running" && IsSilent(key, row.Beat)))
            {
                await RunAsync(views[key], key, row, stored.ETag, cancellation);
            }
        }
    }

    private bool IsSilent(string key, long beat)
    {
        if (!_beats.TryGetValue(key, out var seen) || seen.Beat != beat)
        {
            _beats[key] = seen = (beat, at.Time.GetTimestamp());
        }

        return at.Time.GetElapsedTime(seen.SeenAt) > Silence;
    }

    private async Task RunAsync(Function.View view, string key, VerificationRow row, string etag, CancellationToken cancellation)
    {
        var report = await FunctionReport.ReadAsync(at, [view], cancellation);
        var begun = at.Time.GetTimestamp();
        var told = begun;
        var current = row with
        {
            State = "running",
            Replica = replica,
            Beat = row.Beat + 1,
            EventsOf = report.Generations(view).Where(generation => generation.Id == row.Generation).Sum(generation => generation.EventsDone),
            EventsDone = 0,
            Rows = 0,
            Broken = 0,
            Healed = 0,
            Unsettled = 0,
            BrokenRows = [],
        };
        double events = 0;
        await SaveAsync(current);
        logger.LogInformation("View {View} is verified, generation {Generation}", view.Name, row.Generation);
        await new ViewVerification(view, at, row, writer, EventsPerPortion, ProgressAsync).RunAsync(cancellation);
        current = current with { State = "done", Ended = at.Time.GetUtcNow().ToUnixTimeMilliseconds(), SecondsLeft = null };
        await TellAsync();
        logger.LogInformation(
            "View {View} is verified: {Rows} rows, {Broken} broken, {Healed} healed, {Unsettled} unsettled", view.Name, current.Rows, current.Broken, current.Healed, current.Unsettled);

        async Task ProgressAsync(VerificationProgress progress)
        {
            events += progress.Events;
            current = current with
            {
                Rows = current.Rows + progress.Rows,
                Broken = current.Broken + progress.Broken.Count,
                BrokenRows = [.. current.BrokenRows, .. progress.Broken.Take(NamedRows - current.BrokenRows.Count)],
                Healed = current.Healed + progress.Healed,
                Unsettled = current.Unsettled + progress.Unsettled,
            };
            if (at.Time.GetElapsedTime(told) > TellEvery)
            {
                await TellAsync();
            }
        }

        async Task TellAsync()
        {
            told = at.Time.GetTimestamp();
            var rate = events / Math.Max(0.001, at.Time.GetElapsedTime(begun).TotalSeconds);
            var done = current.State == "done";
            await SaveAsync(current = current with
            {
                Beat = current.Beat + 1,
                EventsDone = done ? current.EventsOf : (long)events,
                EventsPerSecond = Math.Round(rate, 1),
                SecondsLeft = done || rate <= 0 ? null : Math.Round(Math.Max(0, current.EventsOf - events) / rate, 1),
            });
        }

        // Another replica that has taken over has changed the row, so this ends the work here.
        async Task SaveAsync(VerificationRow next)
        {
            await at.Views.ReplaceAsync(key, JsonSerializer.SerializeToUtf8Bytes(next, ProcessorJson.Default.VerificationRow), etag, cancellation);
            etag = (await at.Views.ReadAsync(key, cancellation))?.ETag ?? "";
        }
    }
}
