using System.Globalization;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using EventLog;

namespace Accounts.Processor.Operations;

/// <summary>What kept a function from going on in a partition.</summary>
/// <param name="Text">For people.</param>
/// <param name="At">When, in epoch milliseconds.</param>
internal sealed record TroubleRow(string Text, long At);

/// <summary>
/// Writes what keeps the functions of this replica from going on where every replica can read it. For people only: nothing
/// waits for it, and it may be lost.
/// </summary>
internal sealed class Troubles(string logId, IStateStore views)
{
    private readonly Dictionary<string, TroubleRow> _written = [];

    public static string Key(ViewPointer at, string function, int partition) =>
        RowKeys.Row(at, "trouble", string.Create(CultureInfo.InvariantCulture, $"{function}.{partition}"));

    public async Task WriteAsync(IEnumerable<PartitionConsumer> consumers, CancellationToken cancellation)
    {
        var rows = new List<StateWrite>();
        var news = new Dictionary<string, TroubleRow>();
        foreach (var consumer in consumers.Where(consumer => consumer.Active))
        {
            foreach (var (filling, trouble) in consumer.Troubles())
            {
                var key = Key(new ViewPointer(logId, filling.Generation), filling.Function.Name, consumer.Partition);
                if (_written.GetValueOrDefault(key) != trouble)
                {
                    rows.Add(new StateWrite(key, JsonSerializer.SerializeToUtf8Bytes(trouble, ProcessorJson.Default.TroubleRow), WriteCondition.Always));
                    news[key] = trouble;
                }
            }
        }

        foreach (var portion in rows.Chunk(50))
        {
            await views.TransactAsync(portion, cancellation);
        }

        foreach (var (key, trouble) in news)
        {
            _written[key] = trouble;
        }
    }
}
