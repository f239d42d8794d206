using System.Globalization;
using System.Text;

namespace Benchmarks;

/// <summary>What a run has counted so far. Safe to be told by several threads.</summary>
internal sealed class Tally : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Latencies _latencies = new();
    private readonly Dictionary<string, long> _failed = [];
    private readonly StreamWriter? _acknowledged;
    private readonly Workload _workload;
    private bool _measuring;
    private long _answered;

    public Tally(LoadPlan plan)
    {
        _workload = plan.Workload;
        _acknowledged = plan.AcknowledgedFile is { } file ? new StreamWriter(file, append: true, Encoding.ASCII, bufferSize: 1 << 16) : null;
    }

    /// <summary>Told of each acknowledged event that has a place in the log.</summary>
    public Action<string, long>? OnAcknowledged { get; set; }

    /// <summary>An answer has come.</summary>
    /// <returns>It was 2xx.</returns>
    public bool Answered(ReadOnlySpan<byte> buffer, in HttpAnswer answer, string account, TimeSpan took)
    {
        if (answer.Status is < 200 or > 299)
        {
            Failed(answer.Status.ToString(CultureInfo.InvariantCulture));
            return false;
        }

        lock (_gate)
        {
            if (_measuring)
            {
                _answered++;
                _latencies.Add(took);
            }

            if (answer.Version > 0 && _workload is not Workload.Read)
            {
                Keep(account, answer.Version, Encoding.ASCII.GetString(buffer[answer.Position]));
            }
        }

        return true;
    }

    public void Failed(string what)
    {
        lock (_gate)
        {
            _failed[what] = _failed.GetValueOrDefault(what) + 1;
        }
    }

    /// <summary>From now on it counts.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            _measuring = true;
        }
    }

    /// <summary>From now on it counts no more.</summary>
    public void End()
    {
        lock (_gate)
        {
            _measuring = false;
        }
    }

    public LoadResult Result(double seconds, LagResult? lag)
    {
        lock (_gate)
        {
            return new LoadResult
            {
                PerSecond = _answered / seconds,
                Answered = _answered,
                Failed = new Dictionary<string, long>(_failed),
                P50 = _latencies.Percentile(0.5),
                P95 = _latencies.Percentile(0.95),
                P99 = _latencies.Percentile(0.99),
                Lag = lag,
            };
        }
    }

    public void Dispose() => _acknowledged?.Dispose();

    private void Keep(string account, long version, string at)
    {
        // A change of the hot account that found its effect there already has a record, and no event in it.
        _acknowledged?.WriteLine(_workload is Workload.Hot ? $"{account} {version}" : $"{account} {version} {at}");
        OnAcknowledged?.Invoke(account, version);
    }
}
