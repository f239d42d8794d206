using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using EventLog;

namespace Accounts.Processor.Operations;

/// <summary>How far functions are, read from the rows in a few calls.</summary>
internal sealed class FunctionReport
{
    // Beyond so many records behind the furthest function nobody counts events, but goes by the average.
    private const int Counted = 20;

    private readonly Operator _at;
    private readonly IReadOnlyDictionary<string, FunctionControl> _controls;
    private readonly Dictionary<(string Function, string Generation, int Partition), CheckpointRow> _checkpoints = [];
    private readonly Dictionary<(int Partition, long Position), DateTimeOffset> _times = [];
    private long[] _ends = [];
    private double[] _events = [];
    private double[] _perRecord = [];

    private FunctionReport(Operator at, IReadOnlyDictionary<string, FunctionControl> controls) => (_at, _controls) = (at, controls);

    public static async Task<FunctionReport> ReadAsync(Operator at, IReadOnlyList<Function> functions, CancellationToken cancellation)
    {
        var report = new FunctionReport(at, await at.Controls.ReadAsync(functions, cancellation));
        await report.ReadCheckpointsAsync(cancellation);
        await report.ReadEndsAsync(cancellation);
        await report.ReadTimesAsync(cancellation);
        return report;
    }

    public FunctionBody Of(Function function)
    {
        var partitions = Partitions(function);
        return new FunctionBody
        {
            Name = function.Name,
            Kind = Kind(function),
            State = State(function),
            LagEvents = partitions.Sum(partition => partition.LagEvents),
            LagSeconds = partitions.Max(partition => partition.LagSeconds),
        };
    }

    public IReadOnlyList<PartitionBody> Partitions(Function function) => [.. Enumerable.Range(0, _at.Log.Partitions).Select(partition =>
    {
        var done = _checkpoints[(function.Name, _controls[function.Name].Live, partition)];
        return new PartitionBody
        {
            Partition = partition,
            Checkpoint = done.Position,
            Tail = _ends[partition],
            LagEvents = Lag(partition, done),
            LagSeconds = done.Position < _ends[partition] && _times.TryGetValue((partition, done.Position), out var oldest)
                ? Math.Max(0, Math.Round((_at.Time.GetUtcNow() - oldest).TotalSeconds, 3))
                : 0,
        };
    })];

    public IReadOnlyList<GenerationBody> Generations(Function.View view)
    {
        var (row, pointer) = _controls[view.Name];
        var now = _at.Time.GetUtcNow();
        var of = (long)_events.Sum();
        return [.. row.Generations.Select(generation =>
        {
            var rows = Enumerable.Range(0, _at.Log.Partitions).Select(partition => (partition, Row: _checkpoints[(view.Name, generation.Id, partition)]));
            var done = Math.Max(0, of - rows.Sum(place => Lag(place.partition, place.Row)));
            var change = row.Change?.To == generation.Id ? row.Change : null;
            var filled = change is { Phase: ChangePhase.Filling, Back: false } && generation.Begun is { } begun
                ? (now - DateTimeOffset.FromUnixTimeMilliseconds(begun)).TotalSeconds
                : 0;
            var rate = filled > 0 ? done / filled : 0;
            return new GenerationBody
            {
                Id = generation.Id,
                Fold = generation.Fold,
                State = change is { } ? JsonNamingPolicy.CamelCase.ConvertName(change.Phase.ToString()) : generation.Id == pointer.Generation ? "live" : "kept",
                EventsDone = done,
                EventsOf = of,
                EventsPerSecond = filled > 0 ? Math.Round(rate, 1) : null,
                SecondsLeft = rate > 0 ? Math.Round((of - done) / rate, 1) : null,
            };
        })];
    }

    public string State(Function function) => _controls[function.Name].Row switch
    {
        { Paused: true } => "paused",
        { Change: { Phase: ChangePhase.Filling, Back: false } } => "rebuilding",
        { Change: not null } => "switching",
        _ => "running",
    };

    /// <summary>Where the rows are that are queried.</summary>
    public ViewPointer Live(Function function) => new(_at.Log.Id, _controls[function.Name].Live);

    public static string Kind(Function function) => function switch
    {
        Function.View => "view",
        Function.Policy => "policy",
        _ => "publisher",
    };

    private long Lag(int partition, CheckpointRow done) => done.Position >= _ends[partition] ? 0
        : (long)Math.Max(1, done.Events is { } events ? _events[partition] - events : (_ends[partition] - done.Position) * _perRecord[partition]);

    private async Task ReadCheckpointsAsync(CancellationToken cancellation)
    {
        var keys = new Dictionary<string, (string, string, int)>();
        foreach (var (function, control) in _controls)
        {
            foreach (var generation in control.Row.Generations.Select(generation => generation.Id).Append(control.Live).Distinct())
            {
                for (var partition = 0; partition < _at.Log.Partitions; partition++)
                {
                    keys[RowKeys.Checkpoint(new ViewPointer(_at.Log.Id, generation), function, partition)] = (function, generation, partition);
                }
            }
        }

        var found = await _at.Views.ReadManyAsync([.. keys.Keys], cancellation);
        foreach (var (key, place) in keys)
        {
            _checkpoints[place] = found.TryGetValue(key, out var stored) ? Checkpoint.Parse(stored) : new CheckpointRow(0, 0);
        }
    }

    private async Task ReadEndsAsync(CancellationToken cancellation)
    {
        var furthest = Enumerable.Range(0, _at.Log.Partitions).Select(partition => _checkpoints.Where(row => row.Key.Partition == partition)
            .Select(row => row.Value).MaxBy(row => (row.Position, row.Events ?? -1))!).ToArray();
        _ends = await LogEnds.FindAsync(_at.Reader, [.. furthest.Select(row => row.Position)], cancellation);
        var behind = Enumerable.Range(0, _ends.Length).Where(partition => _ends[partition] > furthest[partition].Position).ToList();
        var next = behind.Count == 0 ? [] : await _at.Reader.ReadAsync([.. behind.Select(partition => (partition, furthest[partition].Position))], Counted, cancellation);
        (_events, _perRecord) = (new double[_ends.Length], new double[_ends.Length]);
        for (var partition = 0; partition < _ends.Length; partition++)
        {
            var records = behind.IndexOf(partition) is >= 0 and var index ? next[index] : [];
            var (done, read) = (furthest[partition], records.Sum(record => record.Events.Count));
            _perRecord[partition] = done is { Position: > 0, Events: > 0 and { } all } ? (double)all / done.Position : records.Count > 0 ? (double)read / records.Count : 1;
            var rest = Math.Max(0, _ends[partition] - done.Position - records.Count);
            _events[partition] = (done.Events ?? done.Position * _perRecord[partition]) + read + (rest * _perRecord[partition]);
        }
    }

    private async Task ReadTimesAsync(CancellationToken cancellation)
    {
        var places = _checkpoints.Where(row => row.Value.Position < _ends[row.Key.Partition]).Select(row => (row.Key.Partition, row.Value.Position)).Distinct().ToList();
        var records = places.Count == 0 ? [] : await _at.Reader.ReadAsync(places, 1, cancellation);
        foreach (var (place, found) in places.Zip(records))
        {
            if (found.Count > 0)
            {
                _times[place] = found[0].Time;
            }
        }
    }
}
