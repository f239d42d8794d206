using System.Globalization;
using EventLog;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>A state store in memory whose failures a test chooses, as gentle or as harsh as Dapr's stores are.</summary>
internal sealed class SimulatedStore : IStateStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (byte[] Value, long ETag, bool Fenced)> _values = [];
    private long _etags;

    public string Name => "simulated";

    /// <summary>
    /// Redis: a transaction ignores "must not exist", and what precedes or follows a refused write in it stays. A create fails, and
    /// a write without ETag, only where the key was once written singly with a condition.
    /// </summary>
    public bool LikeRedis { get; init; }

    /// <summary>Called before each call that writes; may throw, or do something in between, as a rival would.</summary>
    public Func<IReadOnlyList<StateWrite>, Task> BeforeWrite { get; set; } = _ => Task.CompletedTask;

    /// <summary>Called after each call that wrote; when it throws, the answer is lost.</summary>
    public Action<IReadOnlyList<StateWrite>> AfterWrite { get; set; } = _ => { };

    /// <summary>Called before each read; may throw.</summary>
    public Action<IReadOnlyList<string>> BeforeRead { get; set; } = _ => { };

    /// <summary>Awaited before each read: how slow it is.</summary>
    public Func<IReadOnlyList<string>, Task> Delay { get; set; } = _ => Task.CompletedTask;

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
            _values[key] = (System.Text.Encoding.UTF8.GetBytes(value), ++_etags, _values.TryGetValue(key, out var there) && there.Fenced);
        }
    }

    public Task<string?> DescribeAsync(CancellationToken cancellation) => Task.FromResult<string?>("simulated");

    public async Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation) =>
        (await ReadManyAsync([key], cancellation)).TryGetValue(key, out var value) ? value : null;

    public async Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        await Task.Yield();
        await Delay(keys);
        BeforeRead(keys);
        lock (_gate)
        {
            return keys.Distinct().Where(_values.ContainsKey).ToDictionary(key => key, key => new StoredValue(_values[key].Value, Text(_values[key].ETag)));
        }
    }

    public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        WriteAsync([new StateWrite(key, value, WriteCondition.Missing)], together: false);

    public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
        WriteAsync([new StateWrite(key, value, WriteCondition.Unchanged, etag)], together: false);

    public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) => WriteAsync(writes, together: true);

    public Task DeleteAsync(string key, CancellationToken cancellation)
    {
        Lose(key);
        return Task.CompletedTask;
    }

    private async Task WriteAsync(IReadOnlyList<StateWrite> writes, bool together)
    {
        await Task.Yield();
        await BeforeWrite(writes);
        lock (_gate)
        {
            Writes.Add([.. writes.Select(write => write.Key)]);
            var refused = writes.Where(write => !Allowed(write)).ToList();
            if (refused.Count == 0 || LikeRedis)
            {
                foreach (var write in writes.Except(refused))
                {
                    _values[write.Key] = (write.Value.ToArray(), ++_etags, !together || IsFenced(write.Key));
                }
            }

            if (refused.Count > 0)
            {
                throw new IOException($"refused: {string.Join(", ", refused.Select(write => write.Key))}");
            }
        }

        AfterWrite(writes);
    }

    private bool Allowed(StateWrite write) => write.Condition switch
    {
        WriteCondition.Unchanged => _values.TryGetValue(write.Key, out var there) && Text(there.ETag) == write.ETag,
        _ when LikeRedis => !IsFenced(write.Key),
        WriteCondition.Missing => !_values.ContainsKey(write.Key),
        _ => true,
    };

    private bool IsFenced(string key) => _values.TryGetValue(key, out var there) && there.Fenced;

    private static string Text(long etag) => etag.ToString(CultureInfo.InvariantCulture);
}
