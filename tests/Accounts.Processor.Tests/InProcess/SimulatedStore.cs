using System.Globalization;
using EventLog;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>A state store in memory whose failures a test chooses, as gentle or as harsh as Dapr's stores are.</summary>
internal sealed class SimulatedStore : IStateStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (byte[] Value, long ETag)> _values = [];
    private long _etags;

    public string Name => "simulated";

    /// <summary>Redis: a transaction ignores "must not exist", and what precedes or follows a refused write in it stays.</summary>
    public bool LikeRedis { get; init; }

    /// <summary>Called before each call that writes; may throw, or do something in between, as a rival would.</summary>
    public Func<IReadOnlyList<StateWrite>, Task> BeforeWrite { get; set; } = _ => Task.CompletedTask;

    /// <summary>Called after each call that wrote; when it throws, the answer is lost.</summary>
    public Action<IReadOnlyList<StateWrite>> AfterWrite { get; set; } = _ => { };

    /// <summary>Called before each read; may throw.</summary>
    public Action<IReadOnlyList<string>> BeforeRead { get; set; } = _ => { };

    /// <summary>Keys of each call that wrote, in the order in which the calls were made.</summary>
    public List<string[]> Writes { get; } = [];

    public Dictionary<string, byte[]> Values
    {
        get
        {
            lock (_gate)
            {
                return _values.ToDictionary(pair => pair.Key, pair => pair.Value.Value);
            }
        }
    }

    /// <summary>Forgets a value, which no honest store does.</summary>
    public void Lose(string key)
    {
        lock (_gate)
        {
            _values.Remove(key);
        }
    }

    /// <summary>Changes a value behind everybody's back, which no honest store does.</summary>
    public void Put(string key, string value)
    {
        lock (_gate)
        {
            _values[key] = (System.Text.Encoding.UTF8.GetBytes(value), ++_etags);
        }
    }

    public Task<string?> DescribeAsync(CancellationToken cancellation) => Task.FromResult<string?>("simulated");

    public async Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation) =>
        (await ReadManyAsync([key], cancellation)).TryGetValue(key, out var value) ? value : null;

    public async Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        await Task.Yield();
        BeforeRead(keys);
        lock (_gate)
        {
            return keys.Distinct().Where(_values.ContainsKey).ToDictionary(key => key, key => new StoredValue(_values[key].Value, Text(_values[key].ETag)));
        }
    }

    public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        WriteAsync([new StateWrite(key, value, WriteCondition.Missing)], ignoreCreates: false);

    public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
        WriteAsync([new StateWrite(key, value, WriteCondition.Unchanged, etag)], ignoreCreates: false);

    public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) => WriteAsync(writes, ignoreCreates: LikeRedis);

    public Task DeleteAsync(string key, CancellationToken cancellation)
    {
        Lose(key);
        return Task.CompletedTask;
    }

    private async Task WriteAsync(IReadOnlyList<StateWrite> writes, bool ignoreCreates)
    {
        await Task.Yield();
        await BeforeWrite(writes);
        lock (_gate)
        {
            Writes.Add([.. writes.Select(write => write.Key)]);
            var refused = writes.Where(write => !Allowed(write, ignoreCreates)).ToList();
            if (refused.Count == 0 || LikeRedis)
            {
                foreach (var write in writes.Except(refused))
                {
                    _values[write.Key] = (write.Value.ToArray(), ++_etags);
                }
            }

            if (refused.Count > 0)
            {
                throw new IOException($"refused: {string.Join(", ", refused.Select(write => write.Key))}");
            }
        }

        AfterWrite(writes);
    }

    private bool Allowed(StateWrite write, bool ignoreCreates) => write.Condition switch
    {
        WriteCondition.Missing => ignoreCreates || !_values.ContainsKey(write.Key),
        WriteCondition.Unchanged => _values.TryGetValue(write.Key, out var there) && Text(there.ETag) == write.ETag,
        _ => true,
    };

    private static string Text(long etag) => etag.ToString(CultureInfo.InvariantCulture);
}
