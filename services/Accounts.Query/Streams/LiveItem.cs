using System.Text;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Query.Feed;

namespace Accounts.Query.Streams;

/// <summary>An event on its way to streams. What they all send of it is made once.</summary>
internal sealed class LiveItem(int partition, Place place, AccountEventBody body)
{
    private byte[]? _frame;

    public int Partition => partition;

    /// <summary>Where its reader is after it.</summary>
    public Place Place => place;

    public AccountEventBody Body => body;

    /// <summary>The event in the form of server-sent events, but for its id, which differs from stream to stream.</summary>
    public ReadOnlyMemory<byte> Frame => _frame ??= Encoding.UTF8.GetBytes(
        $"event: {body.Type}\ndata: {JsonSerializer.Serialize(body, ContractsJson.Default.AccountEventBody)}\n\n");
}
