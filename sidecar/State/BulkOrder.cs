namespace Sidecar.State;

/// <summary>Which answers a bulk get gives, and in which order.</summary>
internal static class BulkOrder
{
    /// <summary>
    /// Asks for the keys. SQL stores answer each key once: first what they found, in the order of the keys (under the key as it is
    /// stored), then what is missing. The others answer every key asked for, in no order; here the last comes first, so that
    /// nobody relies on one.
    /// </summary>
    public static IReadOnlyList<KeyValuePair<string, StateRow?>> Arrange(
        IReadOnlyList<string> keys, Func<string, StateRow?> find, StateRules rules)
    {
        var answers = new List<KeyValuePair<string, StateRow?>>(keys.Count);
        if (rules.AnswersKeyByKey)
        {
            for (var i = 0; i < keys.Count; i++)
            {
                var key = keys[i == 0 ? ^1 : i - 1];
                answers.Add(new(key, find(key)));
            }

            return answers;
        }

        var found = new SortedDictionary<string, StateRow>(StringComparer.Ordinal);
        var missing = new List<string>();
        foreach (var key in new HashSet<string>(keys, StringComparer.Ordinal))
        {
            var row = find(key);
            if (row is not null)
            {
                found[row.Key] = row;
            }

            if (row is null || row.Key != key)
            {
                missing.Add(key);
            }
        }

        answers.AddRange(found.Select(f => new KeyValuePair<string, StateRow?>(f.Key, f.Value)));
        answers.AddRange(missing.Where(key => !found.ContainsKey(key)).Select(key => new KeyValuePair<string, StateRow?>(key, null)));
        return answers;
    }
}
