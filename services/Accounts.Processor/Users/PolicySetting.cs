using System.Text.Json.Serialization.Metadata;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using EventLog;

namespace Accounts.Processor.Users;

/// <summary>What a policy works with that must know more than its event.</summary>
/// <param name="At">Where its rows are.</param>
/// <param name="Partition">The partition that it works on.</param>
/// <param name="Partitions">How many there are.</param>
internal sealed record PolicySetting(
    ViewPointer At, int Partition, int Partitions, RowWriter Writer, CommandSender Sender, Outage Views)
{
    /// <summary>Reads rows, however long the store is away.</summary>
    public async Task<PolicyRows<T>> ReadAsync<T>(IReadOnlyCollection<string> keys, JsonTypeInfo<T> json, CancellationToken stopping)
        where T : class => new(
            keys.Count == 0
                ? new Dictionary<string, StoredValue>()
                : await Views.PersistAsync(() => Writer.Store.ReadManyAsync([.. keys], stopping), stopping),
            json);
}

/// <summary>Rows that were read together and are looked into one by one: what is wrong with one is no business of the others.</summary>
internal sealed class PolicyRows<T>(IReadOnlyDictionary<string, StoredValue> found, JsonTypeInfo<T> json)
    where T : class
{
    /// <summary>The row, or null when there is none.</summary>
    /// <exception cref="UnreadableRowException">The row is not what it should be.</exception>
    public T? Find(string key) => found.TryGetValue(key, out var stored) ? Rows.Parse(key, stored, json) : null;
}
