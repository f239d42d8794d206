namespace Sidecar.State;

/// <summary>Rows in this process: <c>state.in-memory</c>, of which every sidecar has its own, as every <c>daprd</c> has.</summary>
internal sealed class MemoryStore(StateRules rules, TimeProvider time) : IStateStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (StateRow Row, bool Fenced)> _rows =
        new(rules.IgnoresCase ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal);

    public ValueTask<StateRow?> GetAsync(string key, CancellationToken cancellation)
    {
        lock (_gate)
        {
            return new(Find(key)?.Row);
        }
    }

    public ValueTask<IReadOnlyList<KeyValuePair<string, StateRow?>>> GetManyAsync(
        IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        lock (_gate)
        {
            return new(BulkOrder.Arrange(keys, key => Find(key)?.Row, rules));
        }
    }

    public Task<StateFailure?> WriteAsync(IReadOnlyList<StateWrite> writes, bool transaction)
    {
        lock (_gate)
        {
            StateFailure? failure = null;
            var before = new List<(string Key, (StateRow, bool)? Row)>(writes.Count);
            foreach (var write in writes)
            {
                var found = Find(write.Key);
                var row = found is { } f ? new RowVersion(true, f.Row.ETag, f.Fenced) : default;
                if (rules.Refusal(row, write, transaction) is { } refusal)
                {
                    failure ??= refusal;
                    if (rules.RollsBack)
                    {
                        Undo(before);
                        break;
                    }

                    continue;
                }

                before.Add((write.Key, found));
                if (write.IsDelete)
                {
                    _rows.Remove(write.Key);
                    continue;
                }

                var stored = new StateRow(
                    found?.Row.Key ?? write.Key, write.Value.ToArray(), rules.NextETag(row), time.GetUtcNow() + write.Ttl);
                _rows[write.Key] = (stored, rules.FencedAfter(row, write, transaction));
            }

            return Task.FromResult(failure);
        }
    }

    private (StateRow Row, bool Fenced)? Find(string key)
    {
        if (!_rows.TryGetValue(key, out var found))
        {
            return null;
        }

        if (found.Row.Expires <= time.GetUtcNow())
        {
            _rows.Remove(key);
            return null;
        }

        return found;
    }

    private void Undo(List<(string Key, (StateRow, bool)? Row)> before)
    {
        foreach (var (key, row) in Enumerable.Reverse(before))
        {
            if (row is { } old)
            {
                _rows[key] = old;
            }
            else
            {
                _rows.Remove(key);
            }
        }
    }
}
