using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Accounts.Contracts;
using Accounts.Processor.Consumers;

namespace Accounts.Processor.Users;

/// <summary>What a policy works with that must know more than its event.</summary>
/// <param name="At">Where its rows are.</param>
/// <param name="Partition">The partition that it works on.</param>
/// <param name="Partitions">How many there are.</param>
internal sealed record PolicySetting(
    ViewPointer At, int Partition, int Partitions, RowWriter Writer, CommandSender Sender, Outage Views, TimeProvider Time, Random Chance)
{
    /// <summary>Reads rows, however long the store is away; missing ones are absent.</summary>
    public async Task<IReadOnlyDictionary<string, T>> ReadAsync<T>(IReadOnlyCollection<string> keys, JsonTypeInfo<T> json, CancellationToken stopping)
    {
        if (keys.Count == 0)
        {
            return new Dictionary<string, T>();
        }

        var found = await Views.PersistAsync(() => Writer.Store.ReadManyAsync([.. keys], stopping), Chance, stopping);
        return found.ToDictionary(pair => pair.Key, pair => JsonSerializer.Deserialize(pair.Value.Value.Span, json)!);
    }
}
