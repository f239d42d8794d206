using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>A row that a fold looks at before it writes.</summary>
/// <param name="Key">The row's key.</param>
/// <param name="New">
/// The event is the first that touches the row, so it is not read but created outright. When it is there after all, the
/// create fails, and the batch is folded again on what is there.
/// </param>
internal readonly record struct RowRead(string Key, bool New = false);

/// <summary>A row as a fold leaves it.</summary>
internal abstract record RowWrite(string Key)
{
    /// <summary>The content never changes, so that writing it twice does no harm.</summary>
    public required bool Final { get; init; }

    /// <summary>
    /// Written only over what was read. Whoever may write such a row must write it so from the first time on: Redis forgets to ask
    /// where it was written otherwise, and takes nothing else where it was written so.
    /// </summary>
    public required bool Fenced { get; init; }

    /// <summary>Written when all other rows of the batch are there: whoever sees this row sees those too.</summary>
    public bool Last { get; init; }

    public abstract byte[] ToJson();

    /// <summary>A row that later events change.</summary>
    public static RowWrite Changing<T>(string key, T value, JsonTypeInfo<T> json) => new Typed<T>(key, value, json) { Final = false, Fenced = true };

    /// <summary>A row that never changes.</summary>
    public static RowWrite Unchanging<T>(string key, T value, JsonTypeInfo<T> json) => new Typed<T>(key, value, json) { Final = true, Fenced = false };

    /// <summary>A row that tells that all others are there.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">The content.</param>
    /// <param name="json">How it is stored.</param>
    /// <param name="whole">Nothing is lacking in it, so it never changes.</param>
    public static RowWrite Closing<T>(string key, T value, JsonTypeInfo<T> json, bool whole) =>
        new Typed<T>(key, value, json) { Final = whole, Fenced = true, Last = true };

    internal sealed record Typed<T>(string Key, T Value, JsonTypeInfo<T> Json) : RowWrite(Key)
    {
        public override byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(Value, Json);
    }
}

/// <summary>
/// The rows of one batch: what was read, and over it what the events folded so far have made of it. One row is written
/// once however many events of the batch touch it.
/// </summary>
internal sealed class Rows
{
    private const int RowsPerRead = 100;
    private const int ReadsInFlight = 4;

    private readonly Dictionary<string, StoredValue?> _read = [];
    private readonly Dictionary<string, object> _parsed = [];
    private readonly Dictionary<string, RowWrite> _changed = [];
    private readonly HashSet<string> _wanted = [];

    /// <summary>There is nothing but what is folded here: what has not been written is missing.</summary>
    public bool Alone { get; init; }

    /// <summary>The rows as the events have left them.</summary>
    public IEnumerable<RowWrite> Written => _changed.Values;

    /// <summary>Rows that a fold asked for and nobody had read: they are read, and the batch is folded again.</summary>
    public IReadOnlyCollection<string> Wanted => _wanted;

    /// <exception cref="UnreadableRowException">The row is not what it should be.</exception>
    public static T Parse<T>(string key, StoredValue stored, JsonTypeInfo<T> json)
    {
        try
        {
            return JsonSerializer.Deserialize(stored.Value.Span, json)!;
        }
        catch (JsonException wrong)
        {
            throw new UnreadableRowException(key, wrong);
        }
    }

    /// <summary>The row, or null when it does not exist. What many events look at is parsed once, so it must not be changed itself.</summary>
    public T? Get<T>(string key, JsonTypeInfo<T> json)
        where T : class
    {
        if (_changed.TryGetValue(key, out var changed))
        {
            return ((RowWrite.Typed<T>)changed).Value;
        }

        if (!_read.TryGetValue(key, out var stored))
        {
            if (!Alone)
            {
                _wanted.Add(key);
            }

            return null;
        }

        if (stored is not { } value)
        {
            return null;
        }

        if (!_parsed.TryGetValue(key, out var parsed))
        {
            _parsed[key] = parsed = Parse(key, value, json);
        }

        return (T)parsed;
    }

    public async Task ReadAsync(IReadOnlyCollection<RowRead> reads, bool trustNew, IStateStore store, CancellationToken cancellation)
    {
        var keys = new HashSet<string>();
        foreach (var read in reads)
        {
            if (read.New && trustNew)
            {
                keys.Remove(read.Key);
                _read[read.Key] = null;
                _parsed.Remove(read.Key);
            }
            else if (!_read.ContainsKey(read.Key))
            {
                keys.Add(read.Key);
            }
        }

        if (keys.Count > 0)
        {
            // A large batch is read by several calls at once.
            var found = new ConcurrentDictionary<string, StoredValue>();
            var options = new ParallelOptions { MaxDegreeOfParallelism = ReadsInFlight, CancellationToken = cancellation };
            await Parallel.ForEachAsync(keys.Chunk(RowsPerRead), options, async (portion, stop) =>
            {
                foreach (var (key, value) in await store.ReadManyAsync(portion, stop))
                {
                    found[key] = value;
                }
            });
            foreach (var key in keys)
            {
                _read[key] = found.TryGetValue(key, out var value) ? value : null;
                _parsed.Remove(key);
            }
        }
    }

    /// <summary>Reads what was asked for, and forgets what was folded without it.</summary>
    public async Task ReadWantedAsync(IStateStore store, CancellationToken cancellation)
    {
        RowRead[] wanted = [.. _wanted.Select(key => new RowRead(key))];
        _wanted.Clear();
        _changed.Clear();
        await ReadAsync(wanted, trustNew: false, store, cancellation);
    }

    public void Apply(IEnumerable<RowWrite> writes)
    {
        foreach (var write in writes)
        {
            _changed[write.Key] = write;
        }
    }

    /// <summary>As if these rows had never been read or written.</summary>
    public void Forget(IEnumerable<string> keys)
    {
        foreach (var key in keys)
        {
            _read.Remove(key);
            _parsed.Remove(key);
            _changed.Remove(key);
        }
    }

    public bool IsFinal(string key) => _changed.TryGetValue(key, out var row) && row.Final;

    /// <summary>What is to be written, first or last.</summary>
    public IEnumerable<StateWrite> Changes(bool last) => _changed.Values.Where(row => row.Last == last).Select(Change).OfType<StateWrite>();

    private StateWrite? Change(RowWrite row)
    {
        var json = row.ToJson();
        return !row.Fenced ? new StateWrite(row.Key, json, WriteCondition.Always)
            : _read.GetValueOrDefault(row.Key) is not { } stored ? new StateWrite(row.Key, json, WriteCondition.Missing)
            : row.Final && stored.Value.Span.SequenceEqual(json) ? null
            : new StateWrite(row.Key, json, WriteCondition.Unchanged, stored.ETag);
    }
}

/// <summary>Somebody has broken a row: the events that need it are parked, and no others.</summary>
internal sealed class UnreadableRowException(string key, Exception wrong) : Exception($"The row {key} cannot be read: it was changed or damaged.", wrong);
