using System.Text;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Functions;
using EventLog;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>What the views must be: a plain fold of the whole log, made without any of the processor's mechanism.</summary>
internal static class LogFold
{
    public static Dictionary<string, string> Rows(ViewPointer at, IEnumerable<LogRecord> records)
    {
        var rows = new Dictionary<string, string>();
        var accounts = new Dictionary<string, Account>();
        var feed = records.ToDictionary(record => record.Position, _ => new List<AccountEventBody>());
        foreach (var (record, recorded) in records.SelectMany(record => record.Events.Select(recorded => (record, recorded))))
        {
            var happened = AccountStorage.Read(recorded.Event.Name, recorded.Event.Schema, recorded.Event.Data)!;
            var account = accounts[recorded.Stream] = Account.Evolve(accounts.GetValueOrDefault(recorded.Stream), happened);
            var body = AccountRows.BodyOf(account, recorded.Version);
            rows[RowKeys.Account(at, recorded.Stream)] = JsonSerializer.Serialize(
                new AccountRow { Version = recorded.Version, Account = body, Commands = Decision.Legal(account), Position = recorded.Position.ToString() },
                ContractsJson.Default.AccountRow);
            var item = new AccountEventBody
            {
                Type = recorded.Event.Name,
                Version = recorded.Version,
                EventId = recorded.EventId,
                CreatedAt = happened.CreatedAt,
                LastModified = happened.LastModified,
                AccountNumber = recorded.Stream,
                UserId = happened.User,
                DefaultAccount = (happened as AccountEvent.Created)?.DefaultAccount,
                Reason = AccountRows.ReasonOf(happened),
                CorrelationId = recorded.CorrelationId,
                CausationId = recorded.CausationId,
                Account = body,
            };
            rows[RowKeys.History(at, recorded.Stream, recorded.Version)] = JsonSerializer.Serialize(item, ContractsJson.Default.AccountEventBody);
            feed[record.Position].Add(item);
        }

        foreach (var (position, items) in feed)
        {
            rows[RowKeys.Feed(at, position.Partition, position.Position)] = JsonSerializer.Serialize(new FeedRow(items), ContractsJson.Default.FeedRow);
        }

        return rows;
    }

    /// <summary>
    /// The rows of the index, by its fold alone. Where accounts of a user with more than fifty in a partition were held back, they
    /// may be in other rows.
    /// </summary>
    public static Dictionary<string, string> IndexRows(ViewPointer at, IEnumerable<LogRecord> records)
    {
        var rows = new Consumers.Rows { Alone = true };
        foreach (var recorded in records.SelectMany(record => record.Events))
        {
            rows.Apply([.. IndexView.Function.Fold(at, new Consumers.LoggedEvent(recorded), rows)]);
        }

        return rows.Written.ToDictionary(row => row.Key, row => Encoding.UTF8.GetString(row.ToJson()));
    }

    /// <summary>The rows of the index that are in a store.</summary>
    public static Dictionary<string, string> IndexRowsIn(IReadOnlyDictionary<string, byte[]> values, ViewPointer at) => values
        .Where(pair => pair.Key.StartsWith(RowKeys.Row(at, Views.Index, ""), StringComparison.Ordinal))
        .ToDictionary(pair => pair.Key, pair => Encoding.UTF8.GetString(pair.Value));

    /// <summary>The rows of the other views that are in a store, without checkpoints and the like.</summary>
    public static Dictionary<string, string> RowsIn(IReadOnlyDictionary<string, byte[]> values, ViewPointer at) => values
        .Where(pair => pair.Key.StartsWith(RowKeys.Row(at, Views.Account, ""), StringComparison.Ordinal)
            || pair.Key.StartsWith(RowKeys.Row(at, Views.History, ""), StringComparison.Ordinal)
            || pair.Key.StartsWith(RowKeys.Row(at, "feed", ""), StringComparison.Ordinal))
        .ToDictionary(pair => pair.Key, pair => Encoding.UTF8.GetString(pair.Value));
}
