using System.Text.Json;
using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using EventLog;

namespace Accounts.Processor.Verification;

/// <summary>What operators can do about verifications.</summary>
internal static class VerificationOrders
{
    /// <summary>Asks for one; returns why there cannot be one now, or null.</summary>
    public static async Task<string?> BeginAsync(Operator at, Function.View view, bool heal, CancellationToken cancellation)
    {
        var key = VerificationRow.Key(at.Log.Id, view.Name);
        var stored = await at.Views.ReadAsync(key, cancellation);
        if (stored is { } there && JsonSerializer.Deserialize(there.Value.Span, ProcessorJson.Default.VerificationRow) is { State: "running" })
        {
            return "A verification of it is under way already.";
        }

        var control = (await at.Controls.ReadAsync([view], cancellation))[view.Name];
        var row = new VerificationRow
        {
            Id = Guid.NewGuid().ToString("N"),
            Generation = control.Live,
            Heal = heal,
            Begun = at.Time.GetUtcNow().ToUnixTimeMilliseconds(),
            State = "waiting",
        };
        var json = JsonSerializer.SerializeToUtf8Bytes(row, ProcessorJson.Default.VerificationRow);
        await at.Views.PutAsync(key, json, stored?.ETag, cancellation);
        return null;
    }

    public static async Task<VerificationRow?> ReadAsync(Operator at, string function, CancellationToken cancellation) =>
        await at.Views.ReadAsync(VerificationRow.Key(at.Log.Id, function), cancellation) is { } stored
            ? JsonSerializer.Deserialize(stored.Value.Span, ProcessorJson.Default.VerificationRow)
            : null;
}
