using System.Globalization;
using EventLog;

namespace Accounts.LogVerifier;

/// <summary>
/// What must be in a log, a line each: an event id, or an account number and a version, and if it is known the
/// <c>Account-Position</c> that was answered. Empty lines and those that begin with <c>#</c> are passed over.
/// </summary>
internal static class Acknowledged
{
    private const int AtOnce = 200;

    /// <summary>Returns what is wrong, a line each, at most some.</summary>
    /// <exception cref="InvalidDataException">A line is none of the two.</exception>
    public static async Task<IReadOnlyList<string>> CheckAsync(
        IEnumerable<string> lines, bool nothingElse, StateFile verified, LogReader reader, CancellationToken cancellation)
    {
        var wrong = new List<string>();
        var placed = new List<(string Line, LogPosition Position, Func<RecordedEvent, bool> IsIt)>();
        var versions = new Dictionary<string, HashSet<long>>();
        var ids = new HashSet<string>();
        var number = 0;
        foreach (var line in lines.Select(l => l.Trim()))
        {
            number++;
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (EventId(line, verified.LogId) is { } position)
            {
                ids.Add(line);
                placed.Add((line, position, e => e.EventId == line));
                continue;
            }

            var (account, version, at) = AccountAndVersion(line, number);
            (versions.TryGetValue(account, out var known) ? known : versions[account] = []).Add(version);
            if (at is { } place)
            {
                placed.Add((line, place, e => e.Stream == account && e.Version == version));
            }

            var partition = verified.Partitions[Keys.PartitionOf(account, verified.Partitions.Count)];
            var last = partition.ByName.TryGetValue(account, out var stream) ? stream.Version : 0;
            if (version < 1 || version > last)
            {
                wrong.Add($"'{line}' was acknowledged and is not in the log: partition {partition.Partition} holds {last} events of the account up to position {partition.Position}");
            }
        }

        foreach (var page in placed.Where(p => p.Position.Partition < verified.Partitions.Count).Chunk(AtOnce))
        {
            var records = await reader.ReadAsync([.. page.Select(p => (p.Position.Partition, p.Position.Position - 1)).Distinct()], 1, cancellation);
            var events = records.SelectMany(r => r).SelectMany(r => r.Events).ToLookup(e => e.Position);
            wrong.AddRange(page.Where(p => !events[p.Position].Any(p.IsIt)).Select(p => $"'{p.Line}' was acknowledged and is not at {p.Position}"));
        }

        wrong.AddRange(placed.Where(p => p.Position.Partition >= verified.Partitions.Count).Select(p => $"'{p.Line}': there is no partition {p.Position.Partition}"));
        var held = verified.Partitions.Sum(p => p.Events);
        var named = ids.Count + versions.Values.Sum(v => (long)v.Count);
        if (nothingElse && wrong.Count == 0 && held != named)
        {
            wrong.Add($"{named} events were acknowledged, and the log holds {held}{Surplus(verified, versions)}");
        }

        return wrong;
    }

    private static string Surplus(StateFile verified, Dictionary<string, HashSet<long>> versions)
    {
        var streams = verified.Partitions.SelectMany(p => p.ByName.Select(s => (p.Partition, Name: s.Key, s.Value.Version)));
        return streams.FirstOrDefault(s => s.Version > (versions.TryGetValue(s.Name, out var known) ? known.Count : 0)) is { Name: { } name } found
            ? $", for instance {found.Version} of '{name}' in partition {found.Partition}"
            : "";
    }

    private static LogPosition? EventId(string line, string logId) =>
        line.StartsWith(logId + "-", StringComparison.Ordinal)
        && line[(logId.Length + 1)..].Split('-') is [var partition, var position, _]
        && int.TryParse(partition, NumberStyles.None, CultureInfo.InvariantCulture, out var p)
        && long.TryParse(position, NumberStyles.None, CultureInfo.InvariantCulture, out var at)
            ? new LogPosition(p, at)
            : null;

    private static (string Account, long Version, LogPosition? Position) AccountAndVersion(string line, int number)
    {
        var parts = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length is 2 or 3 && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var version))
        {
            if (parts.Length == 2)
            {
                return (parts[0], version, null);
            }

            if (parts[2].Split(':') is [var partition, var position]
                && int.TryParse(partition, NumberStyles.None, CultureInfo.InvariantCulture, out var p)
                && long.TryParse(position, NumberStyles.None, CultureInfo.InvariantCulture, out var at))
            {
                return (parts[0], version, new LogPosition(p, at));
            }
        }

        throw new InvalidDataException($"Line {number} of the acknowledged ones is '{line}': neither an event id of this log, nor an account number with a version, as in 'A-1 3' or 'A-1 3 7:118'.");
    }
}
