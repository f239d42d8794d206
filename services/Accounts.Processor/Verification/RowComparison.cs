using System.Text.Json;
using Accounts.Processor.Consumers;
using EventLog;

namespace Accounts.Processor.Verification;

/// <summary>A row that is not as expected.</summary>
/// <param name="Expected">What it must be.</param>
/// <param name="Stored">What it is; null when it is missing.</param>
internal sealed record Mismatch(RowWrite Expected, StoredValue? Stored)
{
    /// <summary>Neither side has changed since.</summary>
    public bool IsStill(Mismatch before) => Stored?.ETag == before.Stored?.ETag;

    public StateWrite Healing => !Expected.Fenced ? new StateWrite(Expected.Key, Expected.ToJson(), WriteCondition.Always)
        : Stored is { } there ? new StateWrite(Expected.Key, Expected.ToJson(), WriteCondition.Unchanged, there.ETag)
        : new StateWrite(Expected.Key, Expected.ToJson(), WriteCondition.Missing);
}

internal static class RowComparison
{
    private const int RowsPerRead = 100;
    private const int ReadsInFlight = 4;

    /// <summary>The rows that are not as expected.</summary>
    public static async Task<IReadOnlyList<Mismatch>> FindAsync(IEnumerable<RowWrite> expected, IStateStore views, CancellationToken cancellation)
    {
        var mismatches = new List<Mismatch>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = ReadsInFlight, CancellationToken = cancellation };
        await Parallel.ForEachAsync(expected.Chunk(RowsPerRead), options, async (rows, stop) =>
        {
            var stored = await views.ReadManyAsync([.. rows.Select(row => row.Key)], stop);
            foreach (var row in rows)
            {
                StoredValue? there = stored.TryGetValue(row.Key, out var value) ? value : null;
                if (there is null || !Same(row.ToJson(), there.Value.Value))
                {
                    lock (mismatches)
                    {
                        mismatches.Add(new Mismatch(row, there));
                    }
                }
            }
        });
        return mismatches;
    }

    // Some stores keep JSON in a form of their own.
    private static bool Same(byte[] expected, ReadOnlyMemory<byte> stored)
    {
        if (stored.Span.SequenceEqual(expected))
        {
            return true;
        }

        try
        {
            using var one = JsonDocument.Parse(expected);
            using var other = JsonDocument.Parse(stored);
            return JsonElement.DeepEquals(one.RootElement, other.RootElement);
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
