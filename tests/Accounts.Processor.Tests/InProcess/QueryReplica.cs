using System.Text.Json;
using Accounts.Contracts;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>
/// Reads accounts as a replica of the query service does: it knows a view's pointer for a second, and while that says that a
/// change is near, it reads it before each row.
/// </summary>
internal sealed class QueryReplica(AccountWorld world)
{
    private static readonly TimeSpan Lasts = TimeSpan.FromSeconds(0.9);
    private PointerRow? _pointer;
    private long _readAt;

    /// <summary>Generations that were read from, in order.</summary>
    public List<string> Generations { get; } = [];

    public async Task<long> Version(string number)
    {
        if (_pointer is null or { Changing: true } || TimeProvider.System.GetElapsedTime(_readAt) > Lasts)
        {
            _readAt = TimeProvider.System.GetTimestamp();
            _pointer = await Read(RowKeys.PointerTo(Views.Account), ContractsJson.Default.PointerRow);
        }

        if (Generations.LastOrDefault() != _pointer!.Generation)
        {
            Generations.Add(_pointer.Generation);
        }

        return (await Read(RowKeys.Account(new ViewPointer(_pointer.LogId, _pointer.Generation), number), ContractsJson.Default.AccountRow))?.Version ?? 0;
    }

    private async Task<T?> Read<T>(string key, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> json)
        where T : class => await world.Views.ReadAsync(key, CancellationToken.None) is { } stored ? JsonSerializer.Deserialize(stored.Value.Span, json) : null;
}
