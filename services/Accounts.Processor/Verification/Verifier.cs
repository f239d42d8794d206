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

    // What breaks off every time is not the store's fault, and an operator waits.
    private const int Attempts = 5;
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);

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
                try
                {
                    await RunAsync(views[key], new RunningVerification(at.Views, key, row, stored.ETag, replica, at.Time), cancellation);
                }
                catch (VerificationTakenOverException taken)
                {
                    logger.LogInformation("View {View}: {Reason}", views[key].Name, taken.Message);
                }
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

    private async Task RunAsync(Function.View view, RunningVerification running, CancellationToken cancellation)
    {
        var asked = running.Row;
        var report = await FunctionReport.ReadAsync(at, [view], cancellation);
        await running.BeginAsync(
            report.Generations(view).Where(generation => generation.Id == asked.Generation).Sum(generation => generation.EventsDone), cancellation);
        logger.LogInformation("View {View} is verified, generation {Generation}", view.Name, asked.Generation);
        string? cause = null;
        try
        {
            await running.WhileAliveAsync(
                stop => new ViewVerification(view, at, asked, writer, EventsPerPortion, running.Note).RunAsync(stop), cancellation);
        }
        catch (Exception broke) when (broke is not VerificationTakenOverException && !cancellation.IsCancellationRequested)
        {
            var last = running.Row.Attempts >= Attempts;
            logger.LogError(broke, "View {View}: its verification broke off and {Next}", view.Name, last ? "is given up" : "is begun anew");
            if (!last)
            {
                return;
            }

            cause = $"It broke off {Attempts} times; the log of the service says why.";
        }

        await running.EndAsync(cause, cancellation);
        var row = running.Row;
        logger.LogInformation(
            "View {View}, verification {State}: {Rows} rows, {Broken} broken, {Healed} healed, {Unsettled} unsettled",
            view.Name, row.State, row.Rows, row.Broken, row.Healed, row.Unsettled);
    }
}
